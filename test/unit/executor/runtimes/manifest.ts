import type { z } from 'zod';
import { type RuntimeManifest, runtimeManifestSchema } from '../../../../service/contracts/index.ts';

/** A small valid manifest, as it would be written, with some fields changed. */
export const written = (changed: Partial<z.input<typeof runtimeManifestSchema>> = {}) => ({
  name: 'lang',
  title: 'Language',
  extensions: ['.l'],
  fileName: 'main.l',
  toolchain: { candidates: ['lang'], probe: { args: ['--version'], pattern: 'Lang (\\S+)' } },
  run: { command: ['{toolchain}', '{entry}'] },
  ...changed,
});

export const manifest = (changed: Parameters<typeof written>[0] = {}): RuntimeManifest =>
  runtimeManifestSchema.parse(written(changed));
