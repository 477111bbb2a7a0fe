/**
 * A check of the links of Markdown files: fails if a relative link names a file or a heading that
 * does not exist.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const isProject = (name) => !/(?:^|\/)(?:node_modules|dist|\.git)(?:\/|$)/.test(name);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md') && isProject(name));
/** Returns the text without code, in which brackets are no links. */
const prose = (path) => readFileSync(path, 'utf8').replace(/^```.*?^```$/gms, '');

/** Returns the anchors that GitHub makes of the headings. */
function anchorsOf(path) {
  const seen = new Map();
  const anchors = new Set();
  for (const [, title] of prose(path).matchAll(/^#+ (.*)$/gm)) {
    const anchor = title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

const broken = [];
for (const file of files) {
  const text = prose(join(root, file)).replace(/`[^`\n]*`/g, '');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const named = path === '' ? join(root, file) : join(root, dirname(file), path);
    if (!existsSync(named)) broken.push(`${file}: ${target}: no such file`);
    else if (anchor !== undefined && (!statSync(named).isFile() || !anchorsOf(named).has(anchor)))
      broken.push(`${file}: ${target}: no such heading`);
  }
}
for (const line of broken) console.error(line);
process.exitCode = broken.length === 0 ? 0 : 1;
