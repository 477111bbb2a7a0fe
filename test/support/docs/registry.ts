/**
 * A package registry on loopback. It has this package as it would be published, and the installed
 * packages of package-lock.json.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readText, root } from './blocks.js';

interface Locked {
  version: string;
  [field: string]: unknown;
}

/** Starts the registry and returns its address. `dir` is an empty folder for the packed package. */
export async function startRegistry(dir: string): Promise<{ server: Server; url: string }> {
  const own = JSON.parse(readText('package.json')) as Locked;
  const { packages } = JSON.parse(readText('package-lock.json')) as { packages: Record<string, Locked> };
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: root, encoding: 'utf8' });
  const tarball = packed.stdout.trim().split('\n').at(-1) ?? '';
  const server = createServer(({ url = '' }, response) => {
    const name = decodeURIComponent(url.slice(1));
    if (name.startsWith('-/own')) {
      spawn('cat', [join(dir, tarball)]).stdout.pipe(response);
    } else if (name.startsWith('-/')) {
      const path = join(root, name.slice(2).replace(/\.tgz$/, ''));
      const words = ['-cz', '--exclude=./node_modules', '--transform=s,^[.],package,', '-C', path, '.'];
      spawn('tar', words, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(response);
    } else {
      const found = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`));
      const versions = found.map(([path, fields]) => ({ ...fields, name, dist: { tarball: `${base}/-/${path}.tgz` } }));
      if (name === own['name']) versions.push({ ...own, name, dist: { tarball: `${base}/-/own.tgz` } });
      response.statusCode = versions.length === 0 ? 404 : 200;
      const body = {
        name,
        'dist-tags': { latest: versions.at(-1)?.version },
        versions: Object.fromEntries(versions.map((v) => [v.version, v])),
      };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, url: base };
}
