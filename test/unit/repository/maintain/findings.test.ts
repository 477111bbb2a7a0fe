/**
 * Limits of findings, for one key and code and in total. Unlisted findings are counted, and their
 * sessions are named (B7).
 */
import test from 'ava';
import { integrity } from '../../../../src/base/errors.js';
import { Findings, MAX_FINDINGS, MAX_FINDINGS_OF_KEY } from '../../../../src/repository/maintain/findings.js';

test('of one key and code few are listed, then one counts the rest, for all sessions', async (t) => {
  const findings = new Findings();
  for (let i = 0; i < 1000; i++) {
    const fail = () => Promise.reject(integrity(`blob ${i}`));
    const { damage } = await findings.attempt('packs/a', fail, ['main']);
    if (damage !== undefined) findings.addSessions(damage, ['main', 'copy']);
  }
  findings.add('MISSING', 'packs/a', 'it is missing', ['third']);
  t.is(findings.list.length, MAX_FINDINGS_OF_KEY + 2);
  t.deepEqual(findings.list[MAX_FINDINGS_OF_KEY], {
    code: 'DAMAGED',
    key: 'packs/a',
    message: `and ${1000 - MAX_FINDINGS_OF_KEY} more about it`,
    sessions: ['main', 'copy'],
  });
  findings.add('DAMAGED', 'packs/a', 'blob 0', ['third']);
  t.deepEqual(findings.list[0]?.sessions, ['main', 'copy', 'third'], 'a finding that is listed is the same one again');
});

test('of many keys MAX_FINDINGS are listed, then one a folder counts the rest', (t) => {
  const findings = new Findings();
  for (let i = 0; i < MAX_FINDINGS + 50; i++) findings.add('MISSING', `manifests/${i}`, 'it is missing', [`s${i % 3}`]);
  findings.add('STRAY', 'what/ever', 'its name is not that of an object');
  const [manifests, other, ...rest] = findings.list.slice(MAX_FINDINGS);
  t.like(manifests, { code: 'MISSING', key: 'manifests', message: 'and 50 more below it' });
  t.deepEqual([...(manifests?.sessions ?? [])].sort(), ['s0', 's1', 's2']);
  t.like(other, { code: 'STRAY', key: '/', message: 'and 1 more below it', sessions: [] });
  t.deepEqual(rest, []);
});
