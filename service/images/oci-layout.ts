import { linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ImageError } from './image-error.ts';
import { digestSchema, hexOf } from './layout.ts';
import {
  compressionOf,
  configSchema,
  type Descriptor,
  type ImageConfig,
  type Manifest,
  manifestSchema,
  parseDocument,
  sha256,
} from './manifest.ts';
import type { LayerToScan } from './scan.ts';

const indexSchema = z.object({ manifests: z.array(z.object({ digest: digestSchema })).length(1) });

const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** An image that was downloaded: a layout that is complete in itself. */
export interface DownloadedImage {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layers: readonly LayerToScan[];
}

const blobPath = (folder: string, digest: string): string => join(folder, 'blobs', 'sha256', hexOf(digest));

const readChecked = (path: string, digest: string): Buffer => {
  const data = readFileSync(path);
  if (sha256(data) === digest) return data;
  throw new ImageError('digest-mismatch', `a document is not what its digest says: ${digest}`);
};

/** Reads a layout whose blobs lie in another folder, and links them into it. */
export const readLayout = (layout: string, blobs: string): DownloadedImage => {
  const index = parseDocument(readFileSync(join(layout, 'index.json')), 'index', indexSchema);
  const digest = index.manifests[0]?.digest ?? '';
  mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true });
  const take = (blob: string): string => {
    const path = blobPath(layout, blob);
    linkSync(join(blobs, 'sha256', hexOf(blob)), path);
    return path;
  };
  const manifest = parseDocument(readChecked(take(digest), digest), 'manifest', manifestSchema);
  const configData = readChecked(take(manifest.config.digest), manifest.config.digest);
  const config = parseDocument(configData, 'configuration', configSchema);
  for (const layer of new Set(manifest.layers.map((one) => one.digest))) take(layer);
  return { manifest, config, layers: describeLayers(layout, manifest, config) };
};

const describeLayers = (layout: string, manifest: Manifest, config: ImageConfig): LayerToScan[] => {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new ImageError('refused', `it has ${manifest.layers.length} layers, and names ${diffIds.length}`);
  }
  const written = new Set<string>();
  return manifest.layers.map((layer, index) => {
    const diffId = diffIds[index] ?? '';
    const compression = compressionOf(layer.mediaType);
    const isRepacked = compression === 'zstd' && !written.has(diffId);
    if (isRepacked) written.add(diffId);
    return {
      path: blobPath(layout, layer.digest),
      digest: layer.digest,
      diffId,
      compression,
      ...(isRepacked && { plain: blobPath(layout, diffId) }),
    };
  });
};

/** umoci knows no zstd: such layers are in the layout as plain archives after the scan, and named so here. */
export const renamePlainLayers = (layout: string, image: DownloadedImage): void => {
  if (image.layers.every((layer) => layer.compression !== 'zstd')) return;
  const write = (document: unknown): Descriptor => {
    const data = Buffer.from(JSON.stringify(document));
    const descriptor = { mediaType: MANIFEST, digest: sha256(data), size: data.length };
    writeFileSync(blobPath(layout, descriptor.digest), data);
    return descriptor;
  };
  const layers = image.manifest.layers.map((layer, index) => {
    const { compression, diffId } = image.layers[index] ?? { compression: 'none', diffId: layer.digest };
    if (compression !== 'zstd') return layer;
    const { size } = statSync(blobPath(layout, diffId));
    return { mediaType: PLAIN_LAYER, digest: diffId, size };
  });
  const manifest = write({ schemaVersion: 2, ...image.manifest, layers });
  const annotations = { 'org.opencontainers.image.ref.name': 'image' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
};
