/** Empty projects that have the packed tarball of this one installed. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestFn } from 'ava';

export const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** Returns a program of one of this project's packages. */
export const bin = (name: string): string => join(root, 'node_modules/.bin', name);

/** Packs this project into a folder. Returns the path and the files of the tarball. */
export async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

export class Project {
  readonly dir: string;

  constructor(test: TestFn) {
    this.dir = mkdtempSync(join(tmpdir(), 'browserstate-project-'));
    test.after.always(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  /** Unpacks the tarball, as npm does, beside links to `packages` of this project. */
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

  /** Runs a program in the project. Resolves to its output, whether it fails or not. */
  async run(program: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { AVA_PATH: _, NODE_OPTIONS: __, ...env } = process.env;
    const options = { cwd: this.dir, env, maxBuffer: 2 ** 26 };
    return await run(program, args, options).then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }
}
