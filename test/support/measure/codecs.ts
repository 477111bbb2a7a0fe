/**
 * The codecs that the benchmarks compare. `zstd` is the runtime's if available, else the `zstd`
 * program.
 */
import { spawnSync } from 'node:child_process';
import * as zlib from 'node:zlib';

export interface Codec {
  readonly name: string;
  /** Returns the stored size of `data`. Data that does not become smaller is stored raw. */
  storedSize(data: Uint8Array): number;
}

const native = (zlib as { zstdCompressSync?: (data: Uint8Array, options: object) => Buffer }).zstdCompressSync;

/** The zstd parameter of the compression level (ZSTD_c_compressionLevel). */
const LEVEL = 100;

function zstdSize(data: Uint8Array, level: number): number {
  if (native) return native(data, { params: { [LEVEL]: level } }).length;
  const run = spawnSync('zstd', [`-${level}`, '-c', '--no-check'], { input: data, maxBuffer: 2 ** 31 });
  if (run.status !== 0) throw new Error(`zstd: ${run.error?.message ?? run.stderr.toString()}`);
  return run.stdout.length;
}

function brotliSize(data: Uint8Array, quality: number): number {
  const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: quality, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: data.length };
  return zlib.brotliCompressSync(data, { params }).length;
}

const codec = (name: string, size: (data: Uint8Array) => number): Codec => ({
  name,
  storedSize: (data) => (data.length === 0 ? 0 : Math.min(data.length, size(data))),
});

export const zstd = (level = 3): Codec => codec(`zstd ${level}`, (data) => zstdSize(data, level));
export const brotli = (quality: number): Codec => codec(`brotli q${quality}`, (data) => brotliSize(data, quality));
