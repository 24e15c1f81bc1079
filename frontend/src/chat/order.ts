/** Something that is to be answered, whoever wrote it. */
export interface Order {
  /** What the question says. */
  text: string;
  /** The name of the command that wrote it; empty when the person did. */
  command: string;
  send(): Promise<Response>;
  /** Gives it back, with the reason, when it was not taken. */
  refuse(reason: string): void;
}
