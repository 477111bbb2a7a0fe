/**
 * Every bound of the format and of the library, in one place, each with its reason. Readers refuse what exceeds a format
 * bound (SPEC.md, "Limits"); writers never produce it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Looks at a directory whose lock is not provably dead, and milliseconds between them: 2 s in all. A page in use changes files several
 * times a second; what an idle browser does every half minute no wait would catch that a person bears.
 */
export const WATCH_LOOKS = 5;
export const WATCH_PAUSE_MS = 500;

/** Bytes of a file's content in one blob; fixed and aligned to the file (SPEC.md R-BLOB). */
export const CHUNK_SIZE = 64 * KiB;
/** Granularity of patches: the page size of SQLite as browsers use it, and of the file system. */
export const PAGE_SIZE = 4 * KiB;
export const PAGES_PER_CHUNK = CHUNK_SIZE / PAGE_SIZE;
/** Patches on one base frame: bounds the parts that a reader must fetch for one blob. */
export const MAX_PATCHES = 8;
/** Uncompressed bytes of one frame: bounds what must be fetched and decoded for one blob. */
export const MAX_FRAME_SIZE = 256 * KiB;
/** Bytes of one pack: small enough to send in one request and to hold a few in memory. */
export const MAX_PACK_SIZE = 8 * MiB;

/** Bytes of one name: what Linux file systems can hold. */
export const MAX_NAME_BYTES = 255;
/** Bytes of a path within a profile: Linux's PATH_MAX less a root. */
export const MAX_PATH_BYTES = 3840;
/** Components of a path: deeper than any browser goes, shallow enough for recursion. */
export const MAX_DEPTH = 128;
/** Bytes of a symlink's target: Linux's own limit. */
export const MAX_SYMLINK_BYTES = 4095;
/** Entries of a tree: more than any profile has, and what a reader holds in 512 MB together with the blobs below. */
export const MAX_ENTRIES = 262_144;
/** Bytes of all paths of a tree: prefixes are shared in its encoding, so that few bytes could claim gigabytes. */
export const MAX_TREE_PATH_BYTES = 40 * MiB;
/** Blobs of a tree, with repeats: 16 GiB of content. A few bytes of a compressed manifest can claim as many. */
export const MAX_BLOBS = 262_144;
/** Bytes of a file: as many as a tree has blobs for. */
export const MAX_FILE_SIZE = MAX_BLOBS * CHUNK_SIZE;

/** Bytes of a manifest, uncompressed: of a large profile it takes 15 MiB; a few compressed bytes can claim as many. */
export const MAX_MANIFEST_SIZE = 64 * MiB;
/** Bytes of a cell: all are read whole, often. */
export const MAX_CELL_SIZE = 4 * MiB;
/** Bytes of the body of a config, an epoch or a ref, uncompressed: with its envelope it fits into a cell. */
export const MAX_CELL_BODY = 2 * MiB;
/** Bytes of the body of a segment. */
export const MAX_SEGMENT_SIZE = 4 * MiB;
/** Rows that ride in a ref; older ones move to segments. */
export const MAX_INLINE_ROWS = 50;
/** Bytes of rows that ride in a ref, so that long messages do not make every swap heavy. */
export const MAX_INLINE_ROW_BYTES = 64 * KiB;
/** Segments named by one ref, each of up to 4,096 rows. */
export const MAX_SEGMENTS = 4096;
export const MAX_SEGMENT_ROWS = 4096;
/** Rows of a session, in its ref and all segments: whoever looks at all of them holds the id and the name of each, some 60 MB. */
export const MAX_SESSION_ROWS = 262_144;
/** Rows that a segment may have after it was joined with newer ones: bounds what a join writes again. */
export const JOINED_SEGMENT_ROWS = 1024;
/** Small segments that a push joins, with one round trip more: one in some 500 saves, and a ref names few segments for any length of history. */
export const MIN_JOINED_SEGMENTS = 10;
/** Rows of segments that an open repository remembers, some 4 MB: what a history of a few thousand commits is read with. */
export const KEPT_SEGMENT_ROWS = 4096;
/** Milliseconds of a time since 1970: what a Date can hold, up to the year 275,760. */
export const MAX_TIME = 8_640_000_000_000_000;
/** Swaps of one ref: a sequence beyond was forged, and the next one would be no exact number. */
export const MAX_SEQUENCE = 2 ** 52;
export const MAX_TAGS = 1024;
export const MAX_PARENTS = 8;
export const MAX_MESSAGE_BYTES = 4 * KiB;
export const MAX_LABELS = 32;
export const MAX_LABEL_KEY_BYTES = 64;
export const MAX_LABEL_VALUE_BYTES = 256;
export const MAX_WHO_BYTES = 256;
/** Names that one collection may condemn: bounds the size of gc/epoch. */
export const MAX_CONDEMNED = 4096;
/** Characters of a session id, user id or tag. */
export const MAX_ID_LENGTH = 128;
/** Bytes of a provider key. */
export const MAX_KEY_BYTES = 512;

/** Frames being compressed at once: libuv's four threads; each takes some megabytes. */
export const CODEC_CONCURRENCY = 4;
/** Bytes of one commit that are compressed well; what is beyond is compressed fast. A small run's commit never gets there. */
export const BULK_BYTES = 4 * MiB;
/** Packs being sent at once, besides the one being filled: two packs of memory; a disk is no faster with more. */
export const PACK_CONCURRENCY = 1;
/** The same for a remote, where each waits for a round trip: as many bytes under way as of a large pull. */
export const REMOTE_PACK_CONCURRENCY = 2;
/** Decoded frame bytes that a reader keeps for blobs it will need again. */
export const FRAME_CACHE_BYTES = 4 * MiB;
/** Decoded frame bytes that a pull keeps for the checkout that follows, all or none: a profile of common size without its caches. */
export const KEPT_FRAME_BYTES = 32 * MiB;
/** Bytes between two frames that are fetched along rather than asked for apart. */
export const MAX_SPAN_GAP = 64 * KiB;
/** Bytes that one request for frames asks for: long enough to be worth a round trip, short enough to be held a few at a time. */
export const MAX_SPAN = 1 * MiB;
/** The same for a remote, unless the caller says otherwise: a pack, so that a cold mount asks as seldom as it can. */
export const MAX_REMOTE_SPAN = 8 * MiB;
/** Requests to a remote that are under way at once, unless the caller says otherwise: small ones all go together, large ones are bounded by their bytes. */
export const REMOTE_CONCURRENCY = 32;
/** Bytes that are under way from a remote or wait to be stored: what a pull holds in memory, and what one that is killed fetches again. */
export const FETCH_AHEAD_BYTES = 16 * MiB;
/** A pull of no more bytes has all of them under way at once: one round trip. */
export const FETCH_AT_ONCE_BYTES = 24 * MiB;
/** Blobs of one pack that a pull verifies and notes together: four times as many as fill a frame of small files. */
export const ARRIVING_BLOBS = 16_384;
/** Ranges that a cold mount may ask for beyond one for each 8 MiB of live content: what a browser's connections carry at once, more or less. */
export const FETCH_SPARE_RANGES = 8;
/**
 * Bytes that a cold mount may fetch are 1.5 times the live ones (SPEC.md R-COMPACT-1). The multiple from which on a writer compacts, and down to which:
 * below the limit because it knows what it moves by estimate alone, and near it because dead bytes cost a reader less than moving cost writers.
 */
export const COMPACT_RATIO = 1.45;
/**
 * What a planner expects of the commits to come, as a share of the bytes that this one stored: so many of each live until they are moved, and so many
 * die where they are fetched along. Which it is depends on what changes; SPEC.md 16.7 says how this was chosen.
 */
export const LASTING_SHARE = 0.35;
/** How often one commit plans again for what its estimates missed. */
export const MAX_COMPACTION_ROUNDS = 4;
/** Hashed blobs that wait for one look-up in the index: each opening of LevelDB takes a few milliseconds. */
export const LOOKUP_BATCH_BYTES = 4 * MiB;
/** The same in blobs, of which small files are many: what waits longer outlives the young part of the heap, and is dead weight in the old one. */
export const LOOKUP_BATCH_BLOBS = 1024;
/** Entries written to the index at once. */
export const INDEX_BATCH = 1024;
/** How often, and after how many milliseconds, a locked index is tried again before a command goes on without it. */
export const INDEX_LOCK_RETRIES = 100;
export const INDEX_LOCK_WAIT_MS = 10;
/** How often a file that changes while it is read is read again before a capture gives up. */
export const MAX_CAPTURE_ATTEMPTS = 3;
/** How often a scan lists the directories that changed before all others were listed. */
export const MAX_SCAN_ROUNDS = 5;
/** How often a copy of a live database is begun again, and the milliseconds before the second time, doubling up to the cap: some 3.5 s in all. */
export const LIVE_COPY_ATTEMPTS = 12;
export const LIVE_COPY_WAIT_MS = 10;
export const LIVE_COPY_WAIT_CAP_MS = 500;
/** Bytes of a file read at once: four chunks for one system call. */
export const READ_SIZE = 4 * CHUNK_SIZE;
/** Blobs that a checkout reads ahead of the one being written: enough to decode on all of libuv's threads. */
export const BLOBS_AHEAD = 32;
/** A swap that loses this many times in a row to writers that did not move the head gives up with CONFLICT. */
export const MAX_SWAP_ATTEMPTS = 20;
/** Milliseconds of the first wait after a swap that lost, and of the longest. */
export const SWAP_BACKOFF_MS = 20;
export const SWAP_BACKOFF_CAP_MS = 5000;
/** Share of a push's bytes that the remote must be known to have elsewhere, for one more round trip to be worth while. */
export const REUSE_SHARE = 0.1;

/** Changes of a bucket, and milliseconds, after which the next one looks whether the packs that it names are there (SPEC.md 11.5). */
export const PRESENCE_PUSHES = 100;
export const PRESENCE_MS = 86_400_000;
/** How often a request that got no answer is asked again, unless the caller says otherwise: some seconds of outage are ridden out. */
export const MAX_RETRIES = 3;
/** Milliseconds before the first of them, at most; each further one may wait twice as long. */
export const RETRY_DELAY_MS = 1000;
/** Milliseconds between two of them, at most: a person waits for the answer. */
export const MAX_RETRY_DELAY_MS = 30_000;
/** Milliseconds without a connection, or without a byte either way, after which a bucket counts as unreachable: longer than any healthy pause. */
export const STALL_TIMEOUT_MS = 30_000;
/**
 * Bytes a second that a connection to a bucket moves at least, both ways together, in each window of STALL_TIMEOUT_MS: some 1 KiB in
 * 30 s. A link of 1 KiB/s still serves 30 requests at once; an answer of one byte every few seconds ends with its first window.
 */
export const MIN_BYTES_PER_SECOND = 32;
/** Bytes of a list, or of an answer that does not announce its length: two packs; a page of 1,000 of the longest names has a tenth of it. */
export const MAX_ANSWER_SIZE = 16 * MiB;
/** Bytes of an answer that says why a request failed. Documents of S3 and GCS have 1 KiB; more is a page of something else. */
export const MAX_REFUSAL_SIZE = 64 * KiB;
/** Connections to one bucket: a cold mount asks for its frames all at once; what is beyond waits for one to come free. */
export const MAX_CONNECTIONS = 64;
/** How often a write that the bucket answers with "another request is in the way" is sent, and the wait after the first; it doubles. */
export const CONTENTION_ATTEMPTS = 8;
export const CONTENTION_WAIT_MS = 20;
/** Milliseconds that a write under way is given to be answered after its caller cancelled, so that its effect does not come later. */
export const CANCEL_GRACE_MS = 1_000;
/** Milliseconds that the lease of a mount lasts; it is renewed three times as often. A worker that died is waited for no longer. */
export const LEASE_MS = 60_000;
/** Cookies that are looked at of each kind of encryption: a wrong key passes for the right one once in 256 values, where values tell no more. */
export const COOKIE_SAMPLE = 4;
/** Bytes of a file of a profile that is read as text, such as preferences: the largest that were seen have some megabytes. */
export const MAX_PROFILE_TEXT = 8 * MiB;
/** Levels of a JSON text of a profile: Chromium reads no more. */
export const MAX_JSON_DEPTH = 200;
/** Bytes of a LevelDB's MANIFEST that is read: they have some kilobytes, and grow by one line with every table. */
export const MAX_LEVELDB_MANIFEST = 16 * MiB;
/** Bytes of a cookie's value, and of its host: browsers keep 4 KiB. What is larger is not looked at. */
export const MAX_COOKIE_BYTES = 64 * KiB;
/** Bytes of memory for SQLite while it reads a profile's database: it keeps 2 MiB of pages, and begins with 16 MiB. */
export const MAX_SQLITE_MEMORY = 48 * MiB;
/** Bytes of one page of a WebAssembly memory. */
export const WASM_PAGE_SIZE = 64 * KiB;
/** MiB of JavaScript memory for the thread that does it. */
export const COOKIE_READER_HEAP_MB = 64;
/** Milliseconds for reading all cookie databases of one profile, which takes some 100: a mount waits for no hostile one longer. */
export const COOKIE_READER_TIMEOUT_MS = 5_000;
/** Milliseconds that a browser is given to tell its version: it needs a tenth of it, and a launch waits. */
export const VERSION_TIMEOUT_MS = 5_000;
/** Seconds between two looks at the files of a mounted directory, unless the caller says otherwise. */
export const METADATA_INTERVAL_S = 60;
/** How often, and after how many milliseconds, a directory is unmounted again whose browser was told to stop with its worker: five seconds in all. */
export const STOP_ATTEMPTS = 50;
export const STOP_WAIT_MS = 100;
