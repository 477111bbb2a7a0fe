/**
 * The content of one generation of a profile, read into memory with the hashes of its pages, once
 * for all policies of a benchmark.
 */
import { hash as nodeHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_SIZE } from '../../../src/base/limits.js';
import { listFiles, type ProfileFile } from './files.js';

export interface ScannedFile extends ProfileFile {
  readonly bytes: Buffer;
  /** SHA-256 of each 4 KiB page; the last page may be shorter. */
  readonly pages: readonly string[];
}

export interface Generation {
  readonly number: number;
  readonly dir: string;
  readonly files: readonly ScannedFile[];
}

export const digest = (bytes: Uint8Array): string => nodeHash('sha256', bytes, 'base64url');

function pagesOf(bytes: Buffer): string[] {
  const pages: string[] = [];
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) pages.push(digest(bytes.subarray(at, at + PAGE_SIZE)));
  return pages;
}

export function scan(number: number, dir: string, keepCaches: boolean): Generation {
  const files = listFiles(dir, { keepCaches }).map((file) => {
    const bytes = readFileSync(join(dir, file.path));
    return { ...file, size: bytes.length, bytes, pages: pagesOf(bytes) };
  });
  return { number, dir, files };
}

export interface Change {
  readonly files: number;
  readonly fileBytes: number;
  /**
   * The concatenated pages that differ from those at the same position of the same path in the
   * previous generation.
   */
  readonly pages: Buffer;
}

/**
 * Returns the pages that differ between two generations: the minimum for any store without deltas
 * within pages.
 */
export function changeBetween(before: Generation | undefined, after: Generation): Change {
  const old = new Map(before?.files.map((file) => [file.path, file]));
  const pages: Buffer[] = [];
  let files = 0;
  let fileBytes = 0;
  for (const file of after.files) {
    const was = old.get(file.path);
    const changed = file.pages.flatMap((page, i) => (was?.pages[i] === page ? [] : [i]));
    if (changed.length === 0 && was?.size === file.size) continue;
    files++;
    fileBytes += file.size;
    for (const i of changed) pages.push(file.bytes.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
  }
  return { files, fileBytes, pages: Buffer.concat(pages) };
}
