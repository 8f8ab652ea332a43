// The registry's transactions by name: what its writer may be asked for.
import { deleteBlob, mountBlob, quarantineBlob, touchBlob } from "./blobs.sql.ts";
import { deleteManifest, putManifest } from "./manifests.sql.ts";
import { deleteTag } from "./tags.sql.ts";
import { cancelUpload, finishUpload, forgetUpload, saveUpload, settleUpload } from "./uploads.sql.ts";

export const registryTransactions = {
  cancelUpload,
  deleteBlob,
  deleteManifest,
  deleteTag,
  finishUpload,
  forgetUpload,
  mountBlob,
  putManifest,
  quarantineBlob,
  saveUpload,
  settleUpload,
  touchBlob,
};
