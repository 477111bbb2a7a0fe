/** Stands in until leases are there. */
import type { RequestOptions } from '../provider/provider.js';
import type { Home } from './home.js';
import type { Remote } from './remote.js';

export interface LeaseOptions extends RequestOptions {
  owner?: string | undefined;
  ttl: number;
}

export interface Lease {
  readonly owner: string;
  readonly expires: Date;
  renew(options?: RequestOptions): Promise<void>;
  release(options?: RequestOptions): Promise<void>;
}

export async function takeLease(_site: Home | Remote, _session: string, { owner = '', ttl }: LeaseOptions): Promise<Lease> {
  return { owner, expires: new Date(ttl), renew: async () => undefined, release: async () => undefined };
}
