/** The longest distance between two keyframes of an object that can be asked for. */
export const LONGEST_TAIL = 64;
