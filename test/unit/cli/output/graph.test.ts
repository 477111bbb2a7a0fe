/** Drawings of histories: each commit with its parents, and its row. */
import test from 'ava';
import { drawGraph } from '../../../../cli/output/graph.js';

/**
 * Histories with their drawings. Each line is a drawing, then a commit and its parents: one letter
 * each.
 */
const histories: Readonly<Record<string, string>> = {
  'one line': `
    *  c b
    *  b a
    *  a`,
  'a merge of two lines that began at one commit': `
    *─┐  m ab
    * │  a r
    │ *  b r
    *─┘  r q
    *    q`,
  'two heads, as of a session that has diverged': `
    *    a r
    │ *  b r
    *─┘  r`,
  'a merge of a merge': `
    *─┐    m ab
    *─┼─┐  a cd
    │ * │  b r
    * │ │  c r
    │ │ *  d r
    *─┴─┘  r`,
  'a commit that ends a line and is a merge': `
    *─┐  m ab
    * │  a c
    │ *  b c
    *─┤  c de
    * │  d r
    │ *  e r
    *─┘  r`,
  'a merge of three': `
    *─┬─┐  m abc
    * │ │  a r
    │ * │  b r
    │ │ *  c r
    *─┴─┘  r`,
  'a merge with a commit of another line': `
    *    x p
    ├─*  y qp
    * │  p q
    *─┘  q`,
  'a merge of two lines that go on': `
    *      a p
    │ *    b q
    │ ├─*  m pq
    *─┼─┘  p r
    │ *    q r
    *─┘    r`,
  'a line that passes another': `
    *      x r
    │ *    y r
    │ │ *  z xr
    *─┴─┘  r`,
  'a merge that is not the newest commit': `
    *      a r
    │ *─┐  m bc
    │ * │  b r
    │ │ *  c r
    *─┴─┘  r`,
  'a lane that is used again': `
    *─┬─┐  m abc
    * │ │  a z
    │ * │  b c
    │ *─┘  c z
    ├─┼─*  n dz
    │ │ *  d z
    *─┴─┘  z`,
  'parents that are not listed, named twice, or not below': `
    *  c z
    *  d aa
    *  a d`,
};
for (const [name, history] of Object.entries(histories)) {
  test(name, (t) => {
    const lines = history
      .trim()
      .split('\n')
      .map((line) => /^ *(.*?) +([a-z])(?: ([a-z]+))?$/.exec(line) ?? []);
    const nodes = lines.map(([, , commit = '', parents = '']) => ({ commit, parents: [...parents] }));
    t.deepEqual(
      drawGraph(nodes),
      lines.map(([, drawing]) => drawing),
    );
  });
}
