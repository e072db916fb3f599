import { busyShare } from '../processes.ts';

const QUIET_SHARE = 0.2;
const LOOK_MS = 150;
const MOST_LOOKS = 60;

/** What has just ended leaves work for Nomad and the kernel, which is no part of what comes next. Gives up after 9 s. */
export const untilAtRest = async (): Promise<void> => {
  for (let look = 0; look < MOST_LOOKS; look++) if ((await busyShare(LOOK_MS)) < QUIET_SHARE) return;
};
