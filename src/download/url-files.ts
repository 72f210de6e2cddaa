import {
  checkBareName,
  isWeightsFile,
  MAX_TOKENIZER_BYTES,
  type ModelFiles,
  OF_DIRECTORY,
} from '../format/files/model-files.ts';
import { ggufNames, isGgufName } from '../format/files/gguf-name.ts';
import { bytesSource, type ByteSource } from '../format/files/byte-source.ts';
import type { HashChecks } from './hashed-files.ts';
import { followed, type FollowedSource } from './in-order.ts';
import type { CacheUse } from './cache/cache-use.ts';
import { cachedSource } from './cache/cached-source.ts';
import { openDownload, type Link, type Refusal } from './net/download.ts';
import { openHeader } from './net/header.ts';
import { Freshness } from './net/freshness.ts';
import type { FileFacts } from './cache/model-cache.ts';
import type { Network } from './net/network.ts';
import { OpenBodies } from './net/open-bodies.ts';
import { Patience } from './net/patience.ts';
import type { Chunks } from './net/sequential.ts';
import { remoteSource } from './net/remote-source.ts';

/** How long a complete model waits for bytes that only the cache needs. */
const FINISH_MS = 30_000;

/** How files below an address are opened. */
export interface UrlOptions {
  readonly network: Network;
  readonly cache: CacheUse;
  /** Whether cached files are fetched anew. */
  readonly isReload: boolean;
  /** A cached file that has a hash is used without asking the server; a wrong file is not kept. */
  readonly checks: HashChecks | undefined;
  /** What weights may have whose length the server does not say. */
  readonly maxWeightBytes: number;
  readonly signal: AbortSignal | undefined;
  /** Tells answers that end a load; none unless given. */
  readonly refusal?: Refusal;
  /** Whether of weights the headers alone are read, and not kept; default false. */
  readonly isHeaderOnly?: boolean;
}

/** The files below an http(s) address. */
export interface UrlFiles extends ModelFiles {
  /** Whether any file came from the cache. */
  readonly hasCached: boolean;
  /** Completes the cached copies of open files, as far as the network allows. */
  finish(): Promise<void>;
}

/** Opens an address; nothing is fetched yet. */
export function openUrl(base: string, options: UrlOptions): UrlFiles {
  const { network, cache, isReload, checks, maxWeightBytes, signal, refusal } = options;
  const { isHeaderOnly = false } = options;
  const directory = new URL(base);
  const gguf = takeFile(directory);
  if (!directory.pathname.endsWith('/')) directory.pathname += '/';
  // Compressed bytes cannot be counted; browsers see to it themselves.
  const headers = { ...takeCredentials(directory), 'accept-encoding': 'identity' };
  const patience = new Patience(network.clock, signal);
  const link: Link = { network, patience, bodies: new OpenBodies(), headers, refusal };
  const freshness = new Freshness(link);
  const opened = new Set<ByteSource>();
  const followers = new Set<FollowedSource>();
  let hasCached = false;

  /** The cached file where it is what the server has; 'absent' where neither has one. */
  const openCached = async (
    file: string,
    address: URL,
  ): Promise<ByteSource | 'absent' | undefined> => {
    const cached = isReload ? undefined : await cache.find(keyOf(address));
    if (cached === undefined) return undefined;
    const { facts } = cached;
    const source = cachedSource(file, cached, patience);
    let isUsed = false;
    try {
      // A caller who gives a hash expects the file to exist.
      const isGood = checks?.isKnown(file)
        ? !facts.isAbsent
        : !(await freshness.isStale(address, facts));
      hasCached ||= isGood;
      if (!isGood) return undefined;
      if (facts.isAbsent) return 'absent';
      const used = await (checks?.follow(source) ?? source);
      isUsed = true;
      return used;
    } finally {
      if (!isUsed) await source.close();
    }
  };
  const openRemote = async (file: string, address: URL): Promise<ByteSource | undefined> => {
    if (isHeaderOnly && isWeightsFile(file)) return openHeader(file, address, link);
    const download = await openDownload(file, address, link);
    if (download === undefined) {
      await keepAbsence(file, keyOf(address));
      return undefined;
    }
    const source =
      download.size === undefined
        ? await openWhole(file, download, maxBytesOf(file))
        : remoteSource(file, address, link, download, download.size);
    opened.add(source);
    const facts: FileFacts = { size: source.size, ...download.version };
    const sink = await cache.keep(keyOf(address), facts);
    const sinks = sink ? [sink] : [];
    const follower = await (checks?.follow(source, sinks) ?? followed(source, sinks));
    followers.add(follower);
    return follower;
  };
  const maxBytesOf = (file: string): number =>
    isWeightsFile(file) ? maxWeightBytes : MAX_TOKENIZER_BYTES;
  /** A temporary 404 must not replace a cached file. */
  const keepAbsence = async (file: string, key: string): Promise<void> => {
    const kept = await cache.find(key);
    if (kept !== undefined) await cachedSource(file, kept, patience).close();
    if (kept !== undefined && !kept.facts.isAbsent) return;
    await (await cache.keep(key, { size: 0, isAbsent: true }))?.end();
  };
  const keyOf = (address: URL): string => {
    const key = new URL(address);
    const { username, password } = new URL(base);
    return Object.assign(key, { username, password }).href;
  };

  return {
    name: nameOf(base),
    gguf,
    get hasCached() {
      return hasCached;
    },
    async open(file) {
      // A name that the caller's address has may be any, and is written as it is there.
      if (!gguf?.includes(file)) checkBareName(file);
      const address = new URL(directory);
      address.pathname += file;
      const cached = await openCached(file, address);
      if (cached === 'absent') return undefined;
      const source = cached ?? (await openRemote(file, address));
      if (source !== undefined) opened.add(source);
      return source;
    },
    async finish() {
      patience.hurry(FINISH_MS);
      try {
        for (const follower of followers) if (cache.isUsable) await follower.finish();
      } catch {
        patience.check();
      }
    },
    async close() {
      await Promise.all([...opened].map((source) => source.close()));
      opened.clear();
      await cache.abandon();
    },
  };
}

/** A file of unknown length; few servers say none, and others do without the code for it. */
async function openWhole(file: string, download: Chunks, maxBytes: number): Promise<ByteSource> {
  const { readWhole } = await import('./net/whole.ts');
  return bytesSource(file, await readWhole(file, download, maxBytes));
}

/**
 * Leaves the directory of an address that leads to a file of a model.
 *
 * @returns the names of the GGUF files that it stands for; undefined where it is none
 */
function takeFile(address: URL): readonly string[] | undefined {
  const at = address.pathname.lastIndexOf('/') + 1;
  const file = address.pathname.slice(at);
  const isGguf = isGgufName(file);
  if (!isGguf && !OF_DIRECTORY.test(file)) return undefined;
  address.pathname = address.pathname.slice(0, at);
  return isGguf ? ggufNames(file) : undefined;
}

/** An address without what may be secret in it. */
function nameOf(base: string): string {
  return Object.assign(new URL(base), { username: '', password: '', search: '', hash: '' }).href;
}

/** User and password of an address, which fetch would refuse, as a header. */
function takeCredentials(address: URL): Record<string, string> {
  const { username, password } = address;
  if (username === '' && password === '') return {};
  address.username = '';
  address.password = '';
  return { authorization: `Basic ${btoa(decodeBytes(`${username}:${password}`))}` };
}

/** Each byte that is written as %XX; a % before anything else is one. */
function decodeBytes(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
