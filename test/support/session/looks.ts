/** A watch on the calls that examine a directory, by any path or handle. */
import fs, { promises, readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

export const looks = ['lstatSync', 'readdirSync', 'readlinkSync', 'openSync'] as const;
export type Look = (typeof looks)[number];

type Call = (...parameters: unknown[]) => unknown;

/**
 * Runs `work` with `around` instead of each such call. `around` gets the path that the call leads
 * to, and the call itself. Opening by `fs/promises` counts as `openSync`.
 */
export async function aroundLooks<T>(
  work: () => Promise<T>,
  around: (look: Look, path: string, run: () => unknown) => unknown,
): Promise<T> {
  const [functions, later] = [fs, promises] as unknown as Record<string, Call>[] as [Record<string, Call>, Record<string, Call>];
  const taken: [Record<string, Call>, string, Look][] = [
    ...looks.map((name): [Record<string, Call>, string, Look] => [functions, name, name]),
    [later, 'open', 'openSync'],
  ];
  let isInside = false;
  const originals = taken.map(([place, name]) => place[name] as Call);
  taken.forEach(([place, name, look], i) => {
    place[name] = (...parameters) => {
      const run = () => (originals[i] as Call).apply(place, parameters);
      if (isInside || !(typeof parameters[0] === 'string' || Buffer.isBuffer(parameters[0]))) return run();
      isInside = true;
      try {
        return around(look, pathOf(String(parameters[0])), run);
      } finally {
        isInside = false;
      }
    };
  });
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    taken.forEach(([place, name], i) => {
      place[name] = originals[i] as Call;
    });
    syncBuiltinESMExports();
  }
}

/** Returns a path without a handle. */
function pathOf(path: string): string {
  const [, handle, rest = ''] = /^(\/proc\/self\/fd\/\d+)(?:\/(.*))?$/.exec(path) ?? [];
  if (handle === undefined) return path;
  const directory = readlinkSync(handle);
  return rest === '' || rest === '.' ? directory : `${directory}/${rest}`;
}
