import { z } from 'zod';

/**
 * An image by its digest, never by a tag: what runs is what the caller has looked at. The registry is named, since what
 * a short name means depends on the machine; everything is lower-case, so that an allow-list means what it says.
 */
export const customImageSchema = z
  .string()
  .max(512)
  .regex(
    /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$/,
    'an image is given as registry/repository@sha256:digest, in lower case',
  )
  .describe('An image whose toolchain is used instead, for example registry.example/team/app@sha256:…')
  .meta({ id: 'CustomImage' });

/** A registry or the beginning of a repository, ending at a slash or a whole name: `registry.example/team`. */
export const allowedImagesSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/,
    'an entry is a registry, or a registry and the beginning of a repository, in lower case without a slash at its end',
  );

/** Told while an execution waits for an image that its executor does not have yet (SSE event `image-pulling`). */
export const imagePullingSchema = z
  .object({
    image: z.string(),
    stage: z.enum(['download', 'check', 'unpack', 'store']),
    done: z.number().describe('Bytes, or files in the stage `store`'),
    total: z.number().describe('0 where it is not known'),
  })
  .meta({ id: 'ImagePulling' });
export type ImagePulling = z.infer<typeof imagePullingSchema>;
