import type { PullImage } from '../executor/custom-images.ts';
import { storeLayout } from '../images/layout.ts';
import { defaultLimits, ociArchitecture } from '../images/manifest.ts';
import { pullImage } from '../images/pull.ts';
import { parseReference } from '../images/reference.ts';

/** How an executor brings an image that a request names into its store. It gets no name there: pruning may take it. */
export const imagePuller =
  (folder: string, env: Readonly<Record<string, string | undefined>>, architecture: string): PullImage =>
  async (reference, { signal, onProgress }) => {
    const settings = {
      env,
      architecture: ociArchitecture(architecture),
      limits: defaultLimits,
      date: () => new Date(),
    };
    await pullImage(storeLayout(folder), parseReference(reference), settings, {
      signal,
      onProgress: (progress) => onProgress({ image: reference, ...progress }),
    });
  };
