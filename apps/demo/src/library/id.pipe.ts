import { type ArgumentMetadata, BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { MAX_ID, readId } from '../people/read-id.js';

/** A key from the path of a request. */
@Injectable()
export class IdPipe implements PipeTransform<string, number> {
  transform(text: string, { data = 'id' }: ArgumentMetadata): number {
    const id = readId(text);
    if (id === undefined) {
      throw new BadRequestException(`The ${data} is a whole number from 1 to ${MAX_ID}, not "${text}".`);
    }
    return id;
  }
}
