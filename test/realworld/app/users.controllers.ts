import { EntityManager } from '@mikro-orm/postgresql';
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Put,
  UnauthorizedException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { ApiController } from './api.controller.js';
import { CurrentUser, hashPassword, isPassword, Public } from './auth.js';
import { LoginDto, RegisterDto, UpdateUserDto } from './dto.js';
import { User } from './entities.js';
import { profileView, userView } from './views.js';

@Controller()
export class UsersController extends ApiController {
  constructor(
    em: EntityManager,
    private readonly jwt: JwtService,
  ) {
    super(em);
  }

  @Post('users')
  @Public()
  async register(@Body('user') { username, email, password }: RegisterDto) {
    if (await this.em.count(User, { $or: [{ username }, { email }] })) {
      throw new UnprocessableEntityException({ errors: { username: ['or email has been taken'] } });
    }
    const user = this.em.create(User, { username, email, password: await hashPassword(password) });
    await this.em.flush();
    return this.view(user);
  }

  @Post('users/login')
  @Public()
  @HttpCode(200)
  async login(@Body('user') { email, password }: LoginDto) {
    const user = await this.em.findOne(User, { email });
    if (!user || !(await isPassword(password, user.password))) throw new UnauthorizedException('wrong password');
    return this.view(user);
  }

  @Get('user')
  current(@CurrentUser() user: User) {
    return this.view(user);
  }

  @Put('user')
  async update(@CurrentUser() user: User, @Body('user') { password, ...data }: UpdateUserDto) {
    this.em.assign(user, data, { ignoreUndefined: true });
    if (password) user.password = await hashPassword(password);
    await this.em.flush();
    return this.view(user);
  }

  private view(user: User) {
    return userView(user, this.jwt.sign({ sub: user.id }));
  }
}

@Controller('profiles/:username')
export class ProfilesController extends ApiController {
  constructor(em: EntityManager) {
    super(em);
  }

  @Get()
  @Public()
  async profile(@Param('username') username: string, @CurrentUser() viewer?: User) {
    return { profile: profileView(await this.find(username), viewer) };
  }

  @Post('follow')
  @HttpCode(200)
  async follow(@Param('username') username: string, @CurrentUser() viewer: User) {
    const user = await this.find(username);
    viewer.following.add(user);
    await this.em.flush();
    return { profile: profileView(user, viewer) };
  }

  @Delete('follow')
  async unfollow(@Param('username') username: string, @CurrentUser() viewer: User) {
    const user = await this.find(username);
    viewer.following.remove(user);
    await this.em.flush();
    return { profile: profileView(user, viewer) };
  }

  private async find(username: string): Promise<User> {
    const user = await this.em.findOne(User, { username });
    if (!user) throw new NotFoundException(`no user ${username}`);
    return user;
  }
}
