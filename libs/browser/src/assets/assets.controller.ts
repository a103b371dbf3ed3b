import { Controller, Get, NotFoundException, Param, Res } from '@nestjs/common';
import { PageWriter } from '../mount/page-writer.js';
import { findAsset } from './assets.js';

/** The stylesheet and the script. They say nothing of the history, and a refusal is to look like something as well. */
@Controller()
export class AssetsController {
  constructor(private readonly pages: PageWriter) {}

  @Get('assets/:name')
  asset(@Param('name') name: string, @Res() response: unknown): void {
    const asset = findAsset(name);
    if (!asset) throw new NotFoundException();
    const headers = {
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    };
    this.pages.send(response, headers, asset.content);
  }
}
