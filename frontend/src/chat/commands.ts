/** Commands in a chat: chosen from the menu, filled in where there is something to fill in, and asked like a message. */
import { CommandApi, type Execution } from "./command-api.ts";
import { CommandDialog, type FilledCommand } from "./command-dialog.ts";
import { CommandMenu } from "./command-menu.ts";
import type { Command } from "./command-api.ts";
import type { Conversation } from "./conversation.ts";
import { part } from "./parts.ts";
import { Phrases } from "./phrases.ts";

/** What is quicker than this needs no word. */
const PATIENCE = 200;

export class ChatCommands {
  readonly #root: HTMLElement;
  readonly #conversation: Conversation;
  readonly #api: CommandApi;
  readonly #dialog: CommandDialog;

  constructor(root: HTMLElement, conversation: Conversation) {
    const phrases = new Phrases();
    this.#root = root;
    this.#conversation = conversation;
    this.#api = new CommandApi(root.dataset.commandsUrl ?? "");
    this.#dialog = new CommandDialog(part(document, "dialog#command-dialog"), this.#api, phrases);
    this.#dialog.onRun = (filled) => this.#run(filled, (reason) => this.#dialog.reopen(filled.command, reason));
    this.#dialog.reasonOf = (error) => conversation.reasonOf(error);
    const menu = new CommandMenu(part(root, "form[data-composer]"), this.#api, phrases);
    menu.onChoose = (command) => void (command.parameters.length > 0 ? this.#dialog.open(command) : this.#runAtOnce(command));
  }

  async #runAtOnce(command: Command): Promise<void> {
    const notice = part<HTMLElement>(this.#root, "[data-starting]");
    const slow = setTimeout(() => (notice.hidden = false), PATIENCE);
    try {
      const prompt = await this.#api.preview(command.address, {});
      this.#run({ command, parameters: {}, prompt }, (reason) => this.#conversation.say(reason));
    } catch (error) {
      this.#conversation.explain(error);
    } finally {
      clearTimeout(slow);
      notice.hidden = true;
    }
  }

  #run({ command, parameters, prompt }: FilledCommand, refuse: (reason: string) => void): void {
    const send = (): Promise<Response> => this.#api.execute(command.address, this.#execution(command, parameters));
    this.#conversation.take({ text: prompt, command: command.name, send, refuse });
  }

  /** Where a command says nothing of who answers, it is whoever the chat is with. */
  #execution(command: Command, parameters: Record<string, unknown>): Execution {
    const { sessionId, agentId = "" } = this.#root.dataset;
    const where = sessionId ? { session_id: sessionId } : { new_session: true };
    const saysWho = command.recommended_agent || command.required_capabilities.length > 0;
    return { parameters, ...where, ...(saysWho ? {} : { agent_id: agentId }) };
  }
}
