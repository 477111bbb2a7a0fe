/** The limits of SPEC.md 12, as the second reader has them. */
const MiB = 2 ** 20;

export const limits = {
  blob: 65_536,
  frame: 262_144,
  pack: 8 * MiB,
  patches: 8,
  nameBytes: 255,
  pathBytes: 3840,
  depth: 128,
  target: 4095,
  entries: 262_144,
  allPaths: 40 * MiB,
  blobs: 262_144,
  file: 2 ** 34,
  manifestBody: 64 * MiB,
  cellBody: 2 * MiB,
  epochBody: 3_670_016,
  condemned: 131_072,
  segmentBody: 4 * MiB,
  cell: 4 * MiB,
  object: 128 * MiB,
  segmentEntries: 4096,
  sessionEntries: 262_144,
  sequence: 2 ** 52,
  time: 8_640_000_000_000_000,
} as const;
