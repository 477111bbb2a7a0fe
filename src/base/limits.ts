/**
 * All bounds of the format and of the library, each with its reason. Readers reject data beyond a
 * format bound (SPEC.md, "Limits"); writers never produce it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * Number of scans of a directory whose lock may belong to a running browser. With the milliseconds
 * between them they take 2 s. A page in use changes files several times a second. No acceptable
 * wait would catch the changes of an idle browser, which come every half minute.
 */
export const WATCH_LOOKS = 5;
export const WATCH_PAUSE_MS = 500;

/**
 * Bytes of a file's content in one blob. The size is fixed and aligned to the file (SPEC.md
 * R-BLOB).
 */
export const CHUNK_SIZE = 64 * KiB;
/** Granularity of patches: the page size of SQLite as browsers use it, and of the file system. */
export const PAGE_SIZE = 4 * KiB;
export const PAGES_PER_CHUNK = CHUNK_SIZE / PAGE_SIZE;
/** Patches on one base frame. Bounds the parts that a reader must fetch for one blob. */
export const MAX_PATCHES = 8;
/**
 * Uncompressed bytes of one frame. Bounds the bytes that must be fetched and decoded for one blob.
 */
export const MAX_FRAME_SIZE = 256 * KiB;
/** Bytes of one pack: small enough to send in one request and to hold several in memory. */
export const MAX_PACK_SIZE = 8 * MiB;

/** Bytes of one name: the limit of Linux file systems. */
export const MAX_NAME_BYTES = 255;
/** Bytes of a path within a profile: Linux's PATH_MAX less a root. */
export const MAX_PATH_BYTES = 3840;
/** Components of a path: deeper than any browser goes, shallow enough for recursion. */
export const MAX_DEPTH = 128;
/** Bytes of a symlink's target: the limit of Linux. */
export const MAX_SYMLINK_BYTES = 4095;
/**
 * Entries of a tree: more than any profile has. A reader can hold them in 512 MB together with the
 * blobs of `MAX_BLOBS`.
 */
export const MAX_ENTRIES = 262_144;
/**
 * Bytes of all paths of a tree. Their encoding shares prefixes, so a short encoding could claim
 * gigabytes.
 */
export const MAX_TREE_PATH_BYTES = 40 * MiB;
/**
 * Blobs of a tree, with repeats: 16 GiB of content. A few bytes of a compressed manifest can claim
 * that many blobs.
 */
export const MAX_BLOBS = 262_144;
/** Bytes of a file: the content of as many blobs as a tree can have. */
export const MAX_FILE_SIZE = MAX_BLOBS * CHUNK_SIZE;

/**
 * Bytes of a manifest, uncompressed. The manifest of a large profile has 15 MiB. A few compressed
 * bytes can claim any size.
 */
export const MAX_MANIFEST_SIZE = 64 * MiB;
/** Bytes of a cell. Cells are read often, and always whole. */
export const MAX_CELL_SIZE = 4 * MiB;
/**
 * Bytes of the body of a config or a ref, uncompressed. With its envelope the body fits into a
 * cell.
 */
export const MAX_CELL_BODY = 2 * MiB;
/** Bytes of the body of the GC epoch: 131,072 names of at most 25 bytes, which do not compress. */
export const MAX_EPOCH_BODY = 3.5 * MiB;
/** Bytes of the body of a segment. */
export const MAX_SEGMENT_SIZE = 4 * MiB;
/** Entries in a ref. Older entries move to segments. */
export const MAX_INLINE_ENTRIES = 50;
/** Bytes of the entries in a ref. Long messages must not make every swap slow. */
export const MAX_INLINE_ENTRY_BYTES = 64 * KiB;
/** Segments named by one ref. Each segment has up to 4,096 entries. */
export const MAX_SEGMENTS = 4096;
export const MAX_SEGMENT_ENTRIES = 4096;
/**
 * Entries of a session, in its ref and all segments. A reader of a whole history holds the id and
 * the name of each entry, some 60 MB.
 */
export const MAX_SESSION_ENTRIES = 262_144;
/**
 * Entries of a segment after newer segments were joined with it. Bounds the bytes that a join
 * rewrites.
 */
export const JOINED_SEGMENT_ENTRIES = 1024;
/**
 * Small segments that a push joins, with an additional round trip in some 500 saves. A ref then
 * names few segments for any length of history.
 */
export const MIN_JOINED_SEGMENTS = 10;
/**
 * Entries of segments that an open repository caches: the history of a few thousand commits, some 4
 * MB.
 */
export const KEPT_SEGMENT_ENTRIES = 4096;
/** Milliseconds of a time since 1970: the limit of a Date, in the year 275,760. */
export const MAX_TIME = 8_640_000_000_000_000;
/**
 * Swaps of one ref. A larger sequence number is forged, and its successor would not be an exact
 * number.
 */
export const MAX_SEQUENCE = 2 ** 52;
export const MAX_TAGS = 1024;
export const MAX_PARENTS = 8;
export const MAX_MESSAGE_BYTES = 4 * KiB;
export const MAX_LABELS = 32;
export const MAX_LABEL_KEY_BYTES = 64;
export const MAX_LABEL_VALUE_BYTES = 256;
export const MAX_AUTHOR_BYTES = 256;
/** Names that one garbage collection may condemn. Bounds the size of gc/epoch. */
export const MAX_CONDEMNED = 131_072;
/** Manifests that are read at once. Each manifest of a large profile takes a hundred MB. */
export const MANIFESTS_AHEAD = 2;
/** Characters of a session id, user id or tag. */
export const MAX_ID_LENGTH = 128;
/** Bytes of a provider key. */
export const MAX_KEY_BYTES = 512;

/** Frames compressed at once: libuv has four threads, and each frame uses some megabytes. */
export const CODEC_CONCURRENCY = 4;
/**
 * Bytes of one commit that are compressed well. Further bytes are compressed fast. The commit of a
 * small run never gets there.
 */
export const BULK_BYTES = 4 * MiB;
/**
 * Packs sent at once, in addition to the pack being filled: two packs of memory. A disk is no
 * faster with more packs.
 */
export const PACK_CONCURRENCY = 1;
/**
 * Packs sent at once to a remote. Each pack waits for a round trip. As many bytes are pending as in
 * a large pull.
 */
export const REMOTE_PACK_CONCURRENCY = 2;
/** Decoded frame bytes that a reader keeps for blobs it will need again. */
export const FRAME_CACHE_BYTES = 4 * MiB;
/**
 * Decoded frame bytes that a pull keeps for the following checkout. A pull keeps all frames or
 * none: the limit is a profile of common size without its caches.
 */
export const KEPT_FRAME_BYTES = 32 * MiB;
/** Bytes between two frames that are fetched along instead of by a second request. */
export const MAX_SPAN_GAP = 64 * KiB;
/**
 * Bytes of one request for frames: enough to be worth a round trip, few enough to hold several in
 * memory.
 */
export const MAX_SPAN = 1 * MiB;
/**
 * Bytes of one request for frames of a remote, unless the caller sets the limit. One pack: a cold
 * mount then sends as few requests as possible.
 */
export const MAX_REMOTE_SPAN = 8 * MiB;
/**
 * Concurrent requests to a remote, unless the caller sets the limit. Small requests all run
 * together. Large requests are bounded by their bytes.
 */
export const REMOTE_CONCURRENCY = 32;
/**
 * Bytes in transfer from a remote or waiting to be stored. They bound the memory of a large pull,
 * and the bytes that a killed pull has to fetch again.
 */
export const FETCH_AHEAD_BYTES = 16 * MiB;
/** Bytes up to which a pull fetches everything at once, in one round trip. */
export const FETCH_AT_ONCE_BYTES = 24 * MiB;
/**
 * Blobs of one pack that a pull verifies and records together: four times the blobs of a frame of
 * small files.
 */
export const ARRIVING_BLOBS = 16_384;
/**
 * Ranges that a cold mount may request beyond one for each 8 MiB of live content: about the number
 * of a browser's concurrent connections.
 */
export const FETCH_SPARE_RANGES = 8;
/**
 * Ratio of fetched to live bytes from which a writer compacts, and down to which it compacts. The
 * limit of a cold mount is 1.5 (SPEC.md R-COMPACT-1). The ratio is below the limit because moved
 * bytes are only estimated. The ratio is near the limit because dead bytes cost a reader less than
 * moving costs writers.
 */
export const COMPACT_RATIO = 1.45;
/**
 * Bytes that stay live, as a share of the bytes that a commit stores. A planner expects this share
 * of future commits. The bytes stay live until they are moved, or die in a range that is fetched.
 * Which of the two happens depends on the changes; docs/design.md explains the value.
 */
export const LASTING_SHARE = 0.35;
/** Maximum rounds in which one commit plans again for the errors of its estimates. */
export const MAX_COMPACTION_ROUNDS = 4;
/**
 * Bytes of hashed blobs that wait for one look-up in the index: each opening of LevelDB takes a few
 * milliseconds.
 */
export const LOOKUP_BATCH_BYTES = 4 * MiB;
/**
 * Blobs that wait for one look-up, since small files are many. Blobs that wait longer move to the
 * old generation of the heap and stay there as garbage.
 */
export const LOOKUP_BATCH_BLOBS = 1024;
/** Entries written to the index at once. */
export const INDEX_BATCH = 1024;
/**
 * Retries of a locked index before a command continues without the index, and the milliseconds
 * between them.
 */
export const INDEX_LOCK_RETRIES = 100;
export const INDEX_LOCK_WAIT_MS = 10;
/** Reads of a file that changes during the read, before a capture fails. */
export const MAX_CAPTURE_ATTEMPTS = 3;
/**
 * Rounds in which a scan lists again the directories that changed before all others were listed.
 */
export const MAX_SCAN_ROUNDS = 5;
/**
 * Attempts to copy a database in use, and milliseconds before the second attempt. The wait doubles
 * up to the cap: some 3.5 s in all.
 */
export const LIVE_COPY_ATTEMPTS = 12;
export const LIVE_COPY_WAIT_MS = 10;
export const LIVE_COPY_WAIT_CAP_MS = 500;
/** Bytes of a file read at once: four chunks for one system call. */
export const READ_SIZE = 4 * CHUNK_SIZE;
/**
 * Blobs that a checkout reads ahead of the blob being written: enough to decode on all of libuv's
 * threads.
 */
export const BLOBS_AHEAD = 32;
/**
 * Attempts of a swap that loses to writers without a new head, before the swap fails with CONFLICT.
 */
export const MAX_SWAP_ATTEMPTS = 20;
/** Milliseconds of the first wait after a lost swap, and of the longest wait. */
export const SWAP_BACKOFF_MS = 20;
export const SWAP_BACKOFF_CAP_MS = 5000;
/**
 * Share of a push's bytes that the remote must be known to have elsewhere to justify an additional
 * round trip.
 */
export const REUSE_SHARE = 0.1;

/**
 * Changes of a bucket, and milliseconds, after which the next change checks that the packs it names
 * exist (SPEC.md 11.5).
 */
export const PRESENCE_PUSHES = 100;
export const PRESENCE_MS = 86_400_000;
/**
 * Retries of a request without a response, unless the caller sets the number: enough for some
 * seconds of outage.
 */
export const MAX_RETRIES = 3;
/** Maximum milliseconds before the first retry. The maximum doubles with each further retry. */
export const RETRY_DELAY_MS = 1000;
/** Maximum milliseconds between two retries: a person waits for the result. */
export const MAX_RETRY_DELAY_MS = 30_000;
/**
 * Milliseconds without a connection, or without a byte either way, after which a bucket counts as
 * unreachable. No healthy pause is as long.
 */
export const STALL_TIMEOUT_MS = 30_000;
/**
 * Minimum bytes per second of a connection to a bucket, both ways together, in each window of
 * STALL_TIMEOUT_MS: some 1 KiB in 30 s. A link of 1 KiB/s still serves 30 requests at once. A
 * response of one byte every few seconds ends with its first window.
 */
export const MIN_BYTES_PER_SECOND = 32;
/**
 * Bytes of a list, or of a response that does not announce its length: two packs. A page of 1,000
 * of the longest names has a tenth of that size.
 */
export const MAX_ANSWER_SIZE = 16 * MiB;
/**
 * Names in one list of a bucket, and names of sessions that a reader accepts: some 100 MB. Only a
 * store that never ends a list gets there.
 */
export const MAX_LISTED_NAMES = 2 ** 24;
export const MAX_LISTED_SESSIONS = 2 ** 20;
/** Pages of a list in succession without a name. Stores send some after many deletions. */
export const MAX_EMPTY_PAGES = 1000;
/**
 * Bytes of an error response. Documents of S3 and GCS have 1 KiB. A longer response is a page of
 * another server.
 */
export const MAX_REFUSAL_SIZE = 64 * KiB;
/**
 * Connections to one bucket: a cold mount requests its frames all at once. Further requests wait
 * for a free connection.
 */
export const MAX_CONNECTIONS = 64;
/**
 * Attempts of a write that the bucket rejects with "another request is in the way", and the wait
 * after the first attempt. The wait doubles.
 */
export const CONTENTION_ATTEMPTS = 8;
export const CONTENTION_WAIT_MS = 20;
/**
 * Milliseconds to wait for the response of a pending write after its caller cancelled, so that the
 * write takes no effect later.
 */
export const CANCEL_GRACE_MS = 1_000;
/**
 * Milliseconds of a mount's lease. The mount renews the lease three times as often. No other mount
 * waits longer for a dead worker.
 */
export const LEASE_MS = 60_000;
/**
 * Cookies that are checked of each kind of encryption. If values have no other check, a wrong key
 * is accepted once in 256.
 */
export const COOKIE_SAMPLE = 4;
/**
 * Bytes of a profile's file that is read as text, such as preferences. The largest known files have
 * some megabytes.
 */
export const MAX_PROFILE_TEXT = 8 * MiB;
/** Levels of a JSON text of a profile: the limit of Chromium's own parser. */
export const MAX_JSON_DEPTH = 200;
/**
 * Bytes of a LevelDB's MANIFEST that is read. A MANIFEST has some kilobytes, and grows by one line
 * with every table.
 */
export const MAX_LEVELDB_MANIFEST = 16 * MiB;
/**
 * Bytes of a cookie's value, and of its host: browsers keep 4 KiB. Larger cookies are not checked.
 */
export const MAX_COOKIE_BYTES = 64 * KiB;
/**
 * Bytes of a cookie database that is read without SQLite. Those of browsers have some hundred
 * kilobytes.
 */
export const MAX_PLAIN_DATABASE = 4 * MiB;
/**
 * Bytes of memory for SQLite when it reads a profile's database: SQLite keeps 2 MiB of pages, and
 * starts with 16 MiB.
 */
export const MAX_SQLITE_MEMORY = 48 * MiB;
/** Bytes of one page of a WebAssembly memory. */
export const WASM_PAGE_SIZE = 64 * KiB;
/** MiB of JavaScript memory for the thread that reads cookies. */
export const COOKIE_READER_HEAP_MB = 64;
/**
 * Milliseconds for reading all cookie databases of one profile, which takes some 100. Bounds how
 * long a hostile database delays a mount.
 */
export const COOKIE_READER_TIMEOUT_MS = 5_000;
/**
 * Milliseconds that a browser has to print its version. A browser needs a tenth of them, and a
 * launch waits.
 */
export const VERSION_TIMEOUT_MS = 5_000;
/** Seconds between two scans of the files of a mounted directory, unless the caller sets it. */
export const METADATA_INTERVAL_S = 60;
/**
 * Attempts to unmount a directory whose browser received the worker's signal too, and milliseconds
 * between them: five seconds in all.
 */
export const STOP_ATTEMPTS = 50;
export const STOP_WAIT_MS = 100;
