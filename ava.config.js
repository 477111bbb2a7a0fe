/** The suites of tests by SUITE: unit unless said, which needs nothing but Node; the others need what their names say. */
const suite = process.env.SUITE ?? 'unit';
const apart = ['browser', 'servers', 'long'];

export default {
  files: suite === 'unit' ? ['dist/test/**/*.test.js', ...apart.map((name) => `!dist/test/${name}/**`)] : [`dist/test/${suite}/**/*.test.js`],
  concurrency: suite === 'unit' ? 2 : 1,
  timeout: '10m',
};
