/** The guides in docs/. Their commands and programs run as printed. */
import test from 'ava';
import { blocksOf, guides } from '../../support/docs/blocks.js';
import { normal, patternOf, Story } from '../../support/docs/story.js';

/** Guides whose blocks other tests run: with a browser, or with a server. */
const elsewhere = new Map([
  ['README.md', 'test/e2e/docs.test.ts'],
  ['docs/recipes.md', 'test/e2e/docs.test.ts'],
  ['docs/reader.md', 'test/unit/reader/examples.test.ts'],
]);
/** The section of other guides that needs a browser. test/e2e/docs.test.ts runs it. */
const withBrowser = 'Playwright and Puppeteer';

for (const path of guides().filter((guide) => !elsewhere.has(guide))) {
  test(`the commands and programs of ${path} run as printed`, async (t) => {
    const story = new Story(t, { replaced: { '/srv/profiles': 'DIR/srv/profiles' } });
    await story.play(blocksOf(path).filter(({ section }) => section !== withBrowser));
    t.pass();
  });
}

test('printed output matches as a whole but for what differs from run to run', (t) => {
  const printed = 'committed 0123456789ab to work: 84 files, 824 KiB\n';
  for (const [expected, isMatch] of [
    ['committed 9f72d73e2594 to work: 3 files, 1.5 MiB', true],
    ['committed 9f72d73e2594 to play: 3 files, 1.5 MiB', false],
    ['committed 9f72d73e2594 to work', false],
    ['committed …', true],
    ['…\ncommitted 9f72d73e2594 to work: 3 files, 1.5 MiB', true],
    ['committed …\n…\nmore', false],
  ] as const)
    t.is(patternOf(expected).test(`${normal(printed)}\n`), isMatch, expected);
});
