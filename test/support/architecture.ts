/**
 * The architecture of src and cli: one table of layers, and a checker of source files against it.
 */
import { dirname, join } from 'node:path/posix';
import { type Token, tokenize } from './source-text.js';

/**
 * The layers, the lowest first. A part imports itself and lower layers; parts of one layer do not
 * import each other. A part is a list of folders and files, such as `src/base/ src/{a,b}.ts`.
 */
export const layers: readonly (readonly string[])[] = [
  ['src/base/'],
  ['src/codec/', 'src/provider/'],
  ['src/format/'],
  ['src/fs/', 'src/repository/'],
  ['src/profile/'],
  ['src/workspace/'],
  ['src/session/'],
  ['src/sync/'],
  ['src/mount/', 'src/legacy/'],
  ['src/api/'],
  ['src/drivers/', 'src/reader/'],
  ['src/index.ts'],
  ['cli/'],
];

/** The only files of src that cli imports. */
const entryPoints = isIn(
  'src/index.ts src/api/open.ts src/drivers/open.ts src/base/{nearest,system-errors}.ts src/provider/s3/s3.ts src/provider/gcs/gcs.ts',
);

/** Files that run without Node. They import each other and `#platform`. */
const portable = isIn('src/base/{bytes,concurrency,errors,limits,nearest,option-check,request,system-errors}.ts src/codec/ src/format/');
const onNode = isIn('src/codec/node.ts');

/** The only files of src that use the clock, randomness, environment and streams of the machine. */
const machine = isIn('src/base/{host,portable-host}.ts');
const machineUse =
  /(?<![.\w])(?:console\s*\.|process\s*\.|Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|crypto\.(?:randomUUID|getRandomValues)\()/g;

/** The only folder that spells names of files that browsers keep. */
const profile = isIn('src/profile/');
/** Names that mean a file in any text. */
const browserFiles = [
  ...['Login Data', 'Web Data', 'Local State', 'Last Version', 'Secure Preferences', 'Top Sites', 'QuotaManager', 'Code Cache', 'GPUCache'],
  ...['DawnCache', 'ShaderCache', 'GrShaderCache', 'Safe Browsing', 'SingletonLock', 'SingletonSocket', 'SingletonCookie'],
  ...['RunningChromeVersion', 'DevToolsActivePort', 'WidevineCdm', 'cookies.sqlite', 'places.sqlite', 'storage.sqlite'],
  ...['webappsstore.sqlite', 'prefs.js', 'user.js', 'times.json', 'compatibility.ini', 'logins.json', 'signedInUser.json', 'key4.db'],
  ...['cert9.db', '.parentlock', 'parent.lock', 'startupCache', 'sessionstore-backups', 'datareporting'],
];
/** Names that mean a file as a segment of a path. In a sentence they are words. */
const browserWords = [
  ...['Cookies', 'Preferences', 'Favicons', 'Bookmarks', 'IndexedDB', 'Local Storage', 'Session Storage', 'Service Worker'],
  ...['lockfile', 'Crashpad', 'cache2'],
];
const anyOf = (names: readonly string[]): string => `(?:${names.join('|').replaceAll('.', '\\\\?\\.')})`;
const browserFile = new RegExp(
  `(?<!\\w)${anyOf(browserFiles)}(?![\\w-])|(?<![^/|^():?\\\\])${anyOf(browserWords)}(?=$|[/|$)?\\\\]|\\.(?:\\s|$))`,
);

/**
 * Returns whether a file belongs to a part: a list of folders and files.
 */
export function isIn(names: string): (file: string) => boolean {
  const patterns = names.split(' ').map((name) => {
    const listed = name.replaceAll('.', '\\.').replace(/\{(.*)\}/, (_, inner: string) => `(?:${inner.replaceAll(',', '|')})`);
    return name.endsWith('/') ? listed : `${listed}$`;
  });
  const pattern = new RegExp(`^(?:${patterns.join('|')})`);
  return (file) => pattern.test(file);
}

export interface Import {
  specifier: string;
  line: number;
}

const beforeSpecifier = /(?:\bfrom|\bimport|\b(?:import|require)\s*\(|\bnew\s+URL\s*\()\s*$/;

/** Returns every import: static, dynamic, of types, re-exports, and files named by `new URL`. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const withoutComments = tokens.filter(({ kind }) => kind !== 'comment');
  return withoutComments.flatMap(({ kind, text, line }, i) => {
    const before = withoutComments[i - 1];
    const isImport = kind === 'string' && before?.kind === 'code' && beforeSpecifier.test(before.text);
    return isImport && !(/URL\s*\(\s*$/.test(before.text) && !/^\..*\.js$/.test(text)) ? [{ specifier: text, line }] : [];
  });
}

/**
 * Returns the violations of the table and the rules above in source files, by path and text.
 * `aliases` are those of package.json.
 */
export function architectureFaults(
  files: ReadonlyMap<string, string>,
  aliases: Readonly<Record<string, readonly string[]>> = {},
): string[] {
  const faults: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [file, source] of files) {
    const tokens = tokenize(source);
    const targets: string[] = [];
    for (const { specifier, line } of importsOf(tokens)) {
      const resolved = aliases[specifier] ?? (specifier.startsWith('.') ? [join(dirname(file), specifier).replace(/\.js$/, '.ts')] : []);
      targets.push(...resolved);
      const fault = specifier in aliases ? undefined : forbidden(file, resolved[0] ?? specifier, files);
      if (fault !== undefined) faults.push(`${file}:${line} imports ${resolved[0] ?? specifier}: ${fault}`);
    }
    graph.set(file, targets);
    if (!machine(file) && file.startsWith('src/')) faults.push(...machineUses(file, tokens));
    if (!profile(file)) faults.push(...browserFilesSpelled(file, tokens));
    if (layerOf(file) === undefined) faults.push(`${file} is in no layer`);
  }
  for (const cycle of cyclesOf(graph)) faults.push(`cycle of imports: ${cycle.join(', ')}`);
  return faults;
}

/**
 * Returns why a file may not import a target (a path of the project, or a package), or undefined if
 * it may.
 */
function forbidden(file: string, target: string, files: ReadonlyMap<string, string>): string | undefined {
  const isPortable = portable(file) && !onNode(file);
  if (/^node:(?:process|console)$/.test(target) && file.startsWith('src/') && !machine(file))
    return 'only src/base/host.ts touches the machine';
  if (target.startsWith('node:')) return isPortable ? 'a portable file runs without Node' : undefined;
  if (!/^(?:\.\.|src|cli)\//.test(target)) return undefined;
  if (!files.has(target)) return 'there is no such file';
  if (isPortable && !portable(target)) return 'a portable file imports only portable ones';
  if (file.startsWith('cli/') && target.startsWith('src/'))
    return entryPoints(target) ? undefined : 'cli imports the public entry points alone';
  const from = layerOf(file);
  const to = layerOf(target);
  if (from === undefined || to === undefined || to.layer < from.layer || to.part === from.part) return undefined;
  return to.layer > from.layer ? 'it is in a layer above' : 'it is beside, in the same layer';
}

const parts = layers.flatMap((names, layer) => names.map((part) => ({ layer, part, has: isIn(part) })));

function layerOf(file: string): (typeof parts)[number] | undefined {
  return parts.find(({ has }) => has(file));
}

function machineUses(file: string, tokens: readonly Token[]): string[] {
  const faults: string[] = [];
  for (const { kind, text, line } of tokens) {
    for (const match of kind === 'code' ? text.matchAll(machineUse) : []) {
      const below = text.slice(0, match.index).split('\n').length - 1;
      faults.push(`${file}:${line + below} uses ${match[0]}: only src/base/host.ts touches the machine`);
    }
  }
  return faults;
}

function browserFilesSpelled(file: string, tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ kind, text, line }) => {
    const name = kind === 'string' || kind === 'pattern' ? browserFile.exec(text)?.[0] : undefined;
    return name === undefined ? [] : [`${file}:${line} spells ${name}: only the profile folder knows the files of browsers`];
  });
}

/**
 * Returns the sets of files that import each other in a circle (Tarjan's strongly connected
 * components).
 */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    lowest.set(file, own);
    stack.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!graph.has(target)) continue;
      const reached = order.has(target) ? (stack.includes(target) ? (order.get(target) as number) : own) : visit(target);
      lowest.set(file, Math.min(lowest.get(file) as number, reached));
    }
    if (lowest.get(file) === own) {
      const members = stack.splice(stack.indexOf(file));
      if (members.length > 1 || graph.get(file)?.includes(file)) cycles.push(members.sort());
    }
    return lowest.get(file) as number;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return cycles;
}
