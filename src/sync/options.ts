/** The kinds of the options of pushes and of pulls before a mount. */
import { requestOptions } from '../base/operation.js';
import { kind, type OptionNames } from '../base/option-check.js';
import type { MountPullOptions } from './pull-for-mount.js';
import type { PushOptions } from './push.js';

export const onConflictKind = kind.oneOf('fail', 'fork', 'ours', 'theirs');

export const pushOptions: OptionNames<PushOptions> = {
  ...requestOptions,
  onConflict: onConflictKind,
  release: kind.text,
  onProgress: kind.call,
};

export const mountPullOptions: OptionNames<MountPullOptions> = { ...requestOptions, onConflict: onConflictKind, onProgress: kind.call };
