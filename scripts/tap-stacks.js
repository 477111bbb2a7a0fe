/**
 * One-line stacks without the frames of ava and Node.js, for test processes that report TAP. TAP
 * shows only the first line of a failed test's stack, which would be a line of ava.
 */
const isShown = (frame) => !/node_modules\/ava\/|node:internal/.test(frame);

Error.prepareStackTrace = ({ name, message, cause }, frames) => {
  const places = frames.map(String).filter(isShown);
  if (typeof cause?.stack === 'string') {
    const lines = cause.stack.split('\n').filter(isShown);
    places.push(`caused by ${lines.map((line) => line.trim()).join(' ')}`);
  }
  return [`${name}: ${message}`.replaceAll('\n', ' '), `    at ${places.join(' < ')}`].join('\n');
};
