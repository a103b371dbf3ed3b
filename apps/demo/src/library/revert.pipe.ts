import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import type { RevertOptions } from '@revy/mikro-orm';

interface RevertQuery {
  readonly onConflict?: string;
  readonly dryRun?: string;
}

const CHOICES = ['fail', 'keep', 'overwrite'] as const;

/** `?onConflict=keep` and `?dryRun=true`: how to go about a revert. */
@Injectable()
export class RevertPipe implements PipeTransform<RevertQuery, RevertOptions> {
  transform({ onConflict = 'fail', dryRun = 'false' }: RevertQuery): RevertOptions {
    const choice = CHOICES.find(one => one === onConflict);
    if (!choice) {
      throw new BadRequestException(`onConflict is one of ${CHOICES.join(', ')}, not "${onConflict}".`);
    }
    if (dryRun !== 'true' && dryRun !== 'false') {
      throw new BadRequestException(`dryRun is true or false, not "${dryRun}".`);
    }
    return { onConflict: choice, dryRun: dryRun === 'true' };
  }
}
