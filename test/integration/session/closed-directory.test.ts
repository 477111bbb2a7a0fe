/**
 * A directory that this user cannot read (F12). The error names the directory itself, with its
 * mode.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runWithoutRights, testWith } from '../../support/machine.js';
import { temporary } from '../../support/temporary.js';

const source = `
  const [library, home, dir] = process.argv.slice(1);
  const { openStore } = await import(library);
  const session = (await openStore({ home })).session('s');
  const { code, message, hint, details } = await session.commit(dir).catch((error) => error);
  console.log(JSON.stringify({ code, message, hint, details }));
`;

for (const mode of [0o000, 0o100, 0o400, 0o200]) {
  const shown = mode.toString(8).padStart(3, '0');
  testWith(['a program without the rights of root'])(`F12: a profile of mode ${shown}`, async (t) => {
    const root = temporary(t);
    const dir = join(root, 'profile');
    mkdirSync(dir);
    writeFileSync(join(dir, 'f'), 'x');
    chmodSync(dir, mode);
    const library = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
    const output = await runWithoutRights('--input-type=module', '-e', source, library, join(root, 'home'), dir);
    chmodSync(dir, 0o700);
    const { code, message, hint, details } = JSON.parse(output);
    t.is(code, 'UNREADABLE');
    t.is(message, `${dir}: expected a directory that can be read, found mode ${shown} (EACCES)`);
    t.regex(hint, /chmod u\+rwx/);
    t.deepEqual(details, { path: dir });
  });
}
