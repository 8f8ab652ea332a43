// Media types of manifests and what they are called.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md

export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociEmpty = "application/vnd.oci.empty.v1+json";
export const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
export const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;
const foreign = /\.(?:foreign|nondistributable)\.|\.nondistributable/;
// https://datatracker.ietf.org/doc/html/rfc6838#section-4.2
const grammar = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;

/** The media type of a Content-Type, without its parameters; undefined when it is none. */
export function parseMediaType(text: string): string | undefined {
  const type = text.split(";", 1)[0]?.trim() ?? "";
  return grammar.test(type) ? type : undefined;
}

/** Whether content of this type is JSON: `application/json` or `+json`. */
export function isJsonType(type: string): boolean {
  return /^application\/(?:.+\+)?json$/i.test(type);
}

export function isSchema1(type: string): boolean {
  return schema1.test(type);
}

/** Layers that registries do not hold: their descriptors name URLs elsewhere. */
export function isForeignLayer(type: string): boolean {
  return foreign.test(type);
}
