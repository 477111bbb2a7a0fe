/** A signature of AWS, version 4, as a caller's `sign` makes it. */
import { createHash, createHmac } from 'node:crypto';
import type { Sign } from '../../../src/reader/reader.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export function signer({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }): Sign {
  return ({ method, url, headers }) => {
    const { host, pathname, searchParams } = new URL(url);
    const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const signed: Record<string, string> = { ...headers, host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': time };
    const names = Object.keys(signed).sort();
    const query = [...searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).sort();
    const lines = names.map((name) => `${name}:${signed[name]}\n`).join('');
    const canonical = [method, pathname, query.join('&'), lines, names.join(';'), 'UNSIGNED-PAYLOAD'].join('\n');
    const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
    const key = scope.split('/').reduce((secret: string | Buffer, part) => hmac(secret, part), `AWS4${secretAccessKey}`);
    const credential = `Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}`;
    const { host: _, ...sent } = signed;
    return { headers: { ...sent, authorization: `AWS4-HMAC-SHA256 ${credential}, Signature=${hmac(key, text).toString('hex')}` } };
  };
}
