import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { readFields } from './read-body.js';

export interface LabelDraft {
  readonly name: string;
  readonly color: string;
}

/** The body of a POST as a label to make. */
@Injectable()
export class LabelDraftPipe implements PipeTransform<unknown, LabelDraft> {
  transform(body: unknown): LabelDraft {
    const { name, color } = readFields(body, ['name', 'color']);
    // PostgreSQL stores no NUL in text.
    if (typeof name !== 'string' || name.trim() === '' || name.includes('\0')) {
      throw new BadRequestException(`The name is a text that is not empty, not ${JSON.stringify(name ?? null)}.`);
    }
    if (typeof color !== 'string' || !/^#[0-9a-f]{6}$/i.test(color)) {
      throw new BadRequestException(`The color is written like "#2da44e", not ${JSON.stringify(color ?? null)}.`);
    }
    return { name: name.trim(), color };
  }
}
