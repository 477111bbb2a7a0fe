/** The scripts that keep the documents correct. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { root } from '../../support/docs/blocks.js';
import { temporary } from '../../support/temporary.js';

const run = (...words: string[]) => spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });

test('docs/cli.md is what the commands print with --help', (t) => {
  const { status, stderr } = run('scripts/cli-docs.js', '--check');
  t.is(status, 0, stderr);
});

// The program is part of Linux distributions. The program of other systems has other options.
const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('docs/terminal.svg shows what `log` and `diff` print in a terminal', (t) => {
  const { status, stderr } = run('scripts/picture.js', '--check');
  t.is(status, 0, stderr);
});

test('every relative link of a Markdown file leads to a file and a heading', (t) => {
  const { status, stderr } = run('scripts/links.js');
  t.is(status, 0, stderr);
});

test('a link to a file or a heading that is not there is found', (t) => {
  const dir = temporary(t);
  mkdirSync(join(dir, 'docs'));
  writeFileSync(join(dir, 'docs/b.md'), '# A title, with `code`\n\n## Twice\n\n## Twice\n');
  const links = [
    'docs/b.md',
    'docs/b.md#a-title-with-code',
    'docs/b.md#twice-1',
    '#top',
    'https://example.org/x.md',
    'docs/c.md',
    'docs/b.md#x',
    '#y',
    'docs#z',
  ];
  writeFileSync(
    join(dir, 'a.md'),
    `# Top\n\n${links.map((link) => `[a](${link})\n`).join('')}\`[code](x.md)\`\n\`\`\`\n[code](y.md)\n\`\`\`\n`,
  );
  const { status, stderr } = run('scripts/links.js', dir);
  t.is(status, 1);
  t.deepEqual(stderr.trim().split('\n'), [
    'a.md: docs/c.md: no such file',
    'a.md: docs/b.md#x: no such heading',
    'a.md: #y: no such heading',
    'a.md: docs#z: no such heading',
  ]);
});
