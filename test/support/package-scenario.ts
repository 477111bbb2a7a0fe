/** Programs of users of the package, as bundlers, test runners and compilers read them. */

const imports = {
  ESM: (names: string, from: string) => `import ${names} from '${from}';`,
  CommonJS: (names: string, from: string) => `const ${names} = require('${from}');`,
};
export type Form = keyof typeof imports;
export const forms = Object.keys(imports) as Form[];

/** The outcome of `scenario`. */
export const outcome = 'restored, and the error of a missing session is typed';

/**
 * Returns the source of an async function `scenario`. The function saves a directory twice and
 * restores it. It resolves to `outcome` and to the warnings that it got.
 */
export const scenario = (form: Form): string => `
  ${imports[form]('{ mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync }', 'node:fs')}
  ${imports[form]('{ tmpdir }', 'node:os')}
  ${imports[form]('{ join }', 'node:path')}
  ${imports[form]('{ BrowserStateError, openStore }', 'browserstate')}
  async function scenario() {
    const folder = mkdtempSync(join(tmpdir(), 'browserstate-consumer-'));
    const warnings = [];
    try {
      const store = await openStore({ home: join(folder, 'home'), onWarning: (message) => warnings.push(message) });
      const session = store.session('work');
      mkdirSync(join(folder, 'profile'));
      for (const content of ['first', 'second']) {
        writeFileSync(join(folder, 'profile/cookies'), content.repeat(1000));
        await session.commit(join(folder, 'profile'), { exclude: ['/caches'] });
      }
      await session.restore(join(folder, 'there'), { at: 'HEAD~1' });
      const restored = readFileSync(join(folder, 'there/cookies'), 'utf8') === 'first'.repeat(1000);
      const error = await store.session('none').restore(join(folder, 'none')).catch((found) => found);
      await store.close();
      const typed = error instanceof BrowserStateError && error.code === 'NOT_FOUND';
      return [\`\${restored ? 'restored' : 'not restored'}, and the error of a missing session is \${typed ? 'typed' : error}\`, ...warnings];
    } finally {
      rmSync(folder, { recursive: true });
    }
  }`;

/**
 * A program in TypeScript that uses every entry point. Its last line is an error unless the types
 * are those of the package.
 */
export const typed = `
  import { BrowserState, BrowserStateError, isError, openStore, type SaveResult, type Session, type Store } from 'browserstate';
  import { gcsProvider } from 'browserstate/gcs';
  import { launch } from 'browserstate/playwright';
  import { providerSuite } from 'browserstate/provider-suite';
  import { launch as launchPuppeteer } from 'browserstate/puppeteer';
  import { openReader } from 'browserstate/reader';
  import { s3Provider } from 'browserstate/s3';
  export async function main(dir: string): Promise<SaveResult> {
    const store: Store = await openStore({ remote: s3Provider({ bucket: 'bucket' }) });
    const session: Session = store.session('work');
    try {
      return await session.save(dir);
    } catch (error) {
      if (error instanceof BrowserStateError && isError(error, 'CONFLICT')) console.log(error.hint);
      throw error;
    }
  }
  export const all = [BrowserState, gcsProvider, launch, launchPuppeteer, openReader, providerSuite];
  // @ts-expect-error: an error only if the types were found.
  export const wrong: number = openStore;`;
