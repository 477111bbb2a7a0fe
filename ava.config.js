/**
 * The suites of tests by SUITE: unit unless said; `exhaustive`, which tries every index, step and byte and takes minutes; both need nothing but Node. The others
 * need what their names say. Tests of `unit` start `realm`.
 */
const suite = process.env.SUITE ?? 'unit';
const apart = ['exhaustive', 'browser', 'servers', 'long', 'realm'];
const alone = ['browser', 'servers', 'long'];

export default {
  files: suite === 'unit' ? ['dist/test/**/*.test.js', ...apart.map((name) => `!dist/test/${name}/**`)] : [`dist/test/${suite}/**/*.test.js`],
  concurrency: alone.includes(suite) ? 1 : 2,
  timeout: '10m',
  require: process.argv.includes('--tap') ? ['./scripts/tap-stacks.js'] : [],
};
