// The registry's transactions by name: what its writer may be asked for.
import { deleteBlob, mountBlob, quarantineBlob, touchBlob } from "./blobs.sql.ts";
import { deleteManifest, putManifest } from "./manifests.sql.ts";
import { deleteRepository } from "./repositories.sql.ts";
import { deleteTag } from "./tags.sql.ts";
import {
  appendContent,
  cancelUpload,
  finishContent,
  finishUpload,
  forgetUpload,
  saveUpload,
  settleUpload,
} from "./uploads.sql.ts";
import { putImageTag, settleTags } from "./v1-images/builds.sql.ts";
import { moveBackfill, saveManifestFace } from "./v1-images/faces.sql.ts";
import {
  beginLayer,
  completeImage,
  keepDecoded,
  keepTarsum,
  keepUnpacked,
  putImageJson,
  putImageLayer,
} from "./v1-images/images.sql.ts";
import { announcePush, finishPush, setAccess } from "./v1-images/repositories.sql.ts";
import { deleteImageTag } from "./v1-images/tags.sql.ts";

export const registryTransactions = {
  announcePush,
  beginLayer,
  completeImage,
  deleteImageTag,
  deleteRepository,
  finishPush,
  keepDecoded,
  keepTarsum,
  keepUnpacked,
  moveBackfill,
  putImageJson,
  putImageLayer,
  putImageTag,
  saveManifestFace,
  setAccess,
  settleTags,
  appendContent,
  cancelUpload,
  deleteBlob,
  deleteManifest,
  deleteTag,
  finishContent,
  finishUpload,
  forgetUpload,
  mountBlob,
  putManifest,
  quarantineBlob,
  saveUpload,
  settleUpload,
  touchBlob,
};
