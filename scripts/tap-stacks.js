/**
 * Writes stacks on one line, without the frames of ava and Node.js. TAP shows only the first line
 * of a failed test's stack, which is one of ava's own. Loaded into test processes that report TAP.
 */
const isShown = (frame) => !/node_modules\/ava\/|node:internal/.test(frame);

Error.prepareStackTrace = (error, frames) => {
  const places = frames.map(String).filter(isShown);
  if (error.cause !== undefined) {
    const lines = String(error.cause.stack ?? error.cause).split('\n');
    places.push(
      `caused by ${lines
        .map((line) => line.trim())
        .filter(isShown)
        .join(' ')}`,
    );
  }
  return [`${error}`.replaceAll('\n', ' '), `    at ${places.join(' < ')}`].join('\n');
};
