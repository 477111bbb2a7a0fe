/**
 * The picture docs/terminal.svg, which this script draws: `log` and `diff` as a terminal shows
 * them. With `--check` the script writes nothing, and fails if the picture shows other text, apart
 * from ids and times.
 *
 *     npm run build && node scripts/picture.js [--check]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../dist/lib/cli.js', import.meta.url));
const picture = fileURLToPath(new URL('../docs/terminal.svg', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'browserstate-picture-'));
const env = { PATH: process.env.PATH, HOME: dir, TERM: 'xterm-256color' };

const write = (path, content) => {
  mkdirSync(join(dir, 'profile', path, '..'), { recursive: true });
  writeFileSync(join(dir, 'profile', path), content);
};
const browserstate = (...words) => execFileSync(process.execPath, [cli, ...words], { cwd: dir, env });

/** Returns the output of a command in a terminal, with its escape sequences. */
function inTerminal(command) {
  const run = `${process.execPath} ${cli} ${command}`;
  return execFileSync('script', ['-qec', `stty cols 100; ${run}`, '/dev/null'], { cwd: dir, env, encoding: 'utf8' }).replaceAll('\r', '');
}

function makeHistory() {
  write('Local State', '{}');
  write('Default/Cookies', 'a'.repeat(40_000));
  browserstate('snapshot', 'profile', '-s', 'work', '-m', 'logged in', '--tag', 'good');
  write('Default/Cookies', 'b'.repeat(45_000));
  write('Default/History', 'visited '.repeat(9000));
  browserstate('snapshot', 'profile', '-s', 'work', '-m', 'nightly run');
  rmSync(join(dir, 'profile/Default/History'));
  write('Default/Preferences', ' '.repeat(900));
  browserstate('snapshot', 'profile', '-s', 'work', '-m', 'accepted cookies');
  browserstate('rollback', '-s', 'work', '--to', 'good');
}

const ESC = '\x1b';
const escapeSequence = new RegExp(`${ESC}\\[([\\d;]*)m`);
const colors = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 34: '#79c0ff', 35: '#d2a8ff', 36: '#76e3ea' };
const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Returns a line as spans: an escape sequence sets color and weight of the text after it. */
function spansOf(line) {
  let style = '';
  return line
    .split(escapeSequence)
    .map((part, i) => {
      if (i % 2 === 0) return part === '' ? '' : `<tspan${style}>${escapeXml(part)}</tspan>`;
      const codes = part.split(';');
      const color = codes.map((code) => colors[code]).find(Boolean);
      style = `${color ? ` fill="${color}"` : ''}${codes.includes('1') ? ' font-weight="bold"' : ''}${codes.includes('2') ? ' opacity="0.6"' : ''}`;
      return '';
    })
    .join('');
}

function draw(text) {
  const lines = text.trimEnd().split('\n');
  const height = lines.length * 20 + 24;
  const rows = lines.map((line, i) => `<text x="16" y="${i * 20 + 28}" xml:space="preserve">${spansOf(line)}</text>\n`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="860" height="${height}" role="img" aria-label="browserstate log and diff">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#e6edf3" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">
${rows.join('')}</g>
</svg>
`;
}

/** Returns the text without the parts that differ from run to run. */
const plain = (svg) =>
  svg
    .replace(/<[^>]*>/g, '')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/just now|\d+ \w+ ago/g, 'TIME')
    .replace(/ +/g, ' ');

try {
  makeHistory();
  const commands = ['log -s work', 'diff -s work good HEAD~1'];
  const svg = draw(commands.map((command) => `${ESC}[1m$ browserstate ${command}${ESC}[0m\n${inTerminal(command)}\n`).join(''));
  if (!process.argv.includes('--check')) writeFileSync(picture, svg);
  else if (plain(readFileSync(picture, 'utf8')) !== plain(svg)) {
    console.error('docs/terminal.svg is not current: run `npm run build && node scripts/picture.js`');
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true });
}
