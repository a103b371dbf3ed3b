import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { readFields } from './read-body.js';

const MODES = ['100644', '100755', '120000', '160000'];

/** What a PATCH of a document may set. */
export interface DocumentChanges {
  mode?: string;
  blob?: string;
  size?: number | null;
}

/** The body of a PATCH as changes of a document. */
@Injectable()
export class DocumentChangesPipe implements PipeTransform<unknown, DocumentChanges> {
  transform(body: unknown): DocumentChanges {
    const { mode, blob, size } = readFields(body, ['mode', 'blob', 'size']);
    const changes: DocumentChanges = {};
    if (mode !== undefined) {
      changes.mode = readMode(mode);
    }
    if (blob !== undefined) {
      changes.blob = readBlob(blob);
    }
    if (size !== undefined) {
      changes.size = readSize(size);
    }
    return changes;
  }
}

function readMode(mode: unknown): string {
  if (typeof mode !== 'string' || !MODES.includes(mode)) {
    throw new BadRequestException(`The mode is one of ${MODES.join(', ')}, not ${JSON.stringify(mode)}.`);
  }
  return mode;
}

function readBlob(blob: unknown): string {
  if (typeof blob !== 'string' || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(blob)) {
    throw new BadRequestException(`The blob is an id of 40 or 64 hexadecimal digits, not ${JSON.stringify(blob)}.`);
  }
  return blob;
}

function readSize(size: unknown): number | null {
  if (size !== null && !(Number.isSafeInteger(size) && (size as number) >= 0)) {
    throw new BadRequestException(`The size is a whole number of bytes or null, not ${JSON.stringify(size)}.`);
  }
  return size as number | null;
}
