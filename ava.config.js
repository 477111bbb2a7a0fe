/**
 * The suites of tests by SUITE: `unit` unless given, which is all of test/unit, test/integration and
 * test/format; `exhaustive`, which tries every index, step and byte and takes minutes. Both need
 * nothing but Node; `package` needs the npm registry too, and `browser`, `servers` and `long` need
 * more. A test of `unit` starts `realm`.
 */
const suite = process.env.SUITE ?? 'unit';
const folders = { browser: 'e2e', realm: 'integration/realm' };
const folder = folders[suite] ?? suite;
const apart = ['exhaustive', 'e2e', 'servers', 'long', 'package', folders.realm];
const alone = ['browser', 'servers', 'long', 'package'];

export default {
  files: suite === 'unit' ? ['dist/test/**/*.test.js', ...apart.map((name) => `!dist/test/${name}/**`)] : [`dist/test/${folder}/**/*.test.js`],
  concurrency: alone.includes(suite) ? 1 : 2,
  timeout: '10m',
  require: process.argv.includes('--tap') ? ['./scripts/tap-stacks.js'] : [],
};
