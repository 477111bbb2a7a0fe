/** Empty projects that have the packed tarball of this project installed. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestFn } from 'ava';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** Returns the path of a program of one of this project's packages. */
export const bin = (name: string): string => join(root, 'node_modules/.bin', name);

/** Packs this project into a folder. Returns the path and the files of the tarball. */
export async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

/** A folder in which programs run, with the environment of a user. */
class Folder {
  readonly env: NodeJS.ProcessEnv;

  constructor(readonly dir: string) {
    const { AVA_PATH: _, NODE_OPTIONS: __, ...env } = process.env;
    this.env = { ...env, NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1' };
  }

  /** Runs a program in the folder. Resolves to its status and output, even if it fails. */
  async run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return await run(program, args, { cwd: this.dir, env: this.env, maxBuffer: 2 ** 26 }).then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }
}

/** A project that exists until the tests of a file end. */
export class Project extends Folder {
  constructor(test: TestFn) {
    super(mkdtempSync(join(tmpdir(), 'browserstate-project-')));
    test.after.always(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  in(folder: string): Folder {
    return new Folder(join(this.dir, folder));
  }

  /** Unpacks the tarball like npm does, next to links to `packages` of this project. */
  async install(packages: readonly string[]): Promise<string[]> {
    const { tarball, files } = await pack(this.dir);
    const own = join(this.dir, 'node_modules/browserstate');
    mkdirSync(own, { recursive: true });
    await run('tar', ['xzf', tarball, '-C', own, '--strip-components', '1']);
    for (const name of packages) {
      const link = join(this.dir, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
    return files;
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, name)), { recursive: true });
      writeFileSync(join(this.dir, name), text);
    }
  }
}
