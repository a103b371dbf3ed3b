/** The options that one `RevyModule.forRoot` was given. */
export const REVY_MODULE_OPTIONS = Symbol('REVY_MODULE_OPTIONS');

/** The ORM of one `RevyModule`, once its changes are tracked: whoever injects it comes after the switching on. */
export const TRACKED_ORM = Symbol('REVY_TRACKED_ORM');
