/**
 * The entry point `browserstate/reader`, which reads a store without Node. It exports nothing else.
 */
export { BrowserStateError, type ErrorCode, type ErrorDetails, isError, type Json } from '../base/errors.js';
export type { ObjectId } from '../format/object-id.js';
export type { HttpAnswer } from '../provider/http/body.js';
export type { Fetch, HttpRequest, Sign, SignedRequest } from '../provider/http/http.js';
export type { Source } from '../provider/http/read-only.js';
export type { S3Address } from '../provider/http/s3.js';
export type { ByteRange, Cell, GetOptions, Listed, RequestOptions, Version } from '../provider/provider.js';
export type { LogEntry, LogSelection } from '../session/log-entry.js';
export { openReader, type Reader, type ReaderOptions, type ReaderSessionInfo, type ReaderSessionsOptions } from './open.js';
export type { ReaderLogOptions, ReaderSession, VersionOptions } from './session.js';
export type { FileInfo, ReaderVersion } from './version.js';
