import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { JwtService } from '@nestjs/jwt';
import { User } from './entities.js';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, 32);
  return `${salt.toString('hex')}:${key.toString('hex')}`;
}

export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [salt, key] = stored.split(':').map(part => Buffer.from(part, 'hex'));
  return timingSafeEqual(await derive(password, salt!, 32), key!);
}

interface AuthenticatedRequest {
  readonly headers: { readonly authorization?: string };
  user?: User;
}

/** A route that also answers whoever has not logged in. */
export const Public = () => SetMetadata('public', true);

export const CurrentUser = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<AuthenticatedRequest>().user,
);

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly jwt: JwtService,
    private readonly reflector: Reflector,
    private readonly em: EntityManager,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const [scheme, token] = request.headers.authorization?.split(' ') ?? [];
    if (scheme === 'Token' && token) request.user = await this.userOf(token);
    if (!request.user && !this.reflector.get<boolean>('public', context.getHandler())) {
      throw new UnauthorizedException('log in first');
    }
    return true;
  }

  private async userOf(token: string): Promise<User> {
    const payload = await this.jwt.verifyAsync<{ sub: number }>(token).catch(() => undefined);
    const user = payload && (await this.em.findOne(User, payload.sub, { populate: ['following', 'favorites'] }));
    if (!user) throw new UnauthorizedException('log in again');
    return user;
  }
}
