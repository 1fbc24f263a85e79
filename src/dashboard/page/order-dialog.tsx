// The confirmation of an order: what will happen, to whom, and what it needs. Sending it is the desk's business.
import { Component, Fragment, h } from '../vendor/preact.js';
import type { Desk, OrderForm, Verb } from './desk.ts';

const TITLES: Readonly<Record<Verb, string>> = {
  wake: 'Wake',
  sleep: 'Put to sleep',
  inhibit: 'Keep awake',
  release: 'Release',
  maintenance: 'Maintenance for',
};
const DURATIONS = ['30m', '1h', '2h', '4h', '8h', '1d'];

interface Props {
  readonly desk: Desk;
  readonly form: OrderForm;
}

/** A native modal dialog: the browser keeps the focus within it, and gives it back. */
export class OrderDialog extends Component<Props> {
  #dialog: HTMLDialogElement | null = null;

  override componentDidMount(): void {
    this.#dialog?.showModal();
  }

  override componentWillUnmount(): void {
    this.#dialog?.close();
  }

  override render() {
    const { desk, form } = this.props;
    const { verb, platform, isSending, problem, isBusy } = form;
    const send = (event: Event) => {
      event.preventDefault();
      void desk.send(readForm(verb, event.target as HTMLFormElement, desk));
    };
    return (
      <dialog
        aria-labelledby="order-title"
        ref={(element: HTMLDialogElement | null) => {
          this.#dialog = element;
        }}
        onCancel={(event: Event) => {
          event.preventDefault();
          desk.dismiss();
        }}
      >
        <form method="dialog" onSubmit={send}>
          <h2 id="order-title">
            {TITLES[verb]} {platform}
          </h2>
          <Details desk={desk} form={form} />
          {problem === '' ? null : (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          {isBusy ? (
            <label class="check">
              <input type="checkbox" name="force" /> Put it to sleep over them. Their connections stay open; their next
              key wakes it.
            </label>
          ) : null}
          <p class="buttons">
            <button type="submit" class="primary" disabled={isSending}>
              {isSending ? 'Asking…' : `${TITLES[verb]} ${platform}`}
            </button>
            <button type="button" onClick={() => desk.dismiss()}>
              Leave it
            </button>
          </p>
        </form>
      </dialog>
    );
  }
}

function Details({ desk, form }: Props) {
  const platform = desk.platform(form.platform);
  switch (form.verb) {
    case 'wake':
      return <p>It is asked to wake, as if somebody had come.</p>;
    case 'sleep':
      return (
        <p>
          It goes to sleep as soon as its guards allow. Connections stay open, and the first activity wakes it again.
        </p>
      );
    case 'release':
      return <p>Ends what operators ordered for it: inhibitors, maintenance, and the record of failed wakes.</p>;
    case 'maintenance':
      return platform?.maintenance === true ? (
        <p>Ends the maintenance: clients wake it again, and it may sleep.</p>
      ) : (
        <Fragment>
          <p>Hands off: no client wakes it, and nothing suspends it, until this is taken back.</p>
          <Why isNeeded={false} />
        </Fragment>
      );
    case 'inhibit':
      return (
        <Fragment>
          <p>It stays awake, whoever is there or not.</p>
          <label>
            For how long
            <select name="for">
              {DURATIONS.map((duration) => (
                <option key={duration} value={duration} selected={duration === '2h'}>
                  {duration}
                </option>
              ))}
              <option value="">until it is released</option>
            </select>
          </label>
          <Why isNeeded={true} />
        </Fragment>
      );
  }
}

function Why({ isNeeded }: { readonly isNeeded: boolean }) {
  return (
    <label>
      Why
      <input
        name="why"
        type="text"
        maxLength={200}
        required={isNeeded}
        autocomplete="off"
        placeholder="backup tonight"
      />
    </label>
  );
}

function readForm(verb: Verb, form: HTMLFormElement, desk: Desk): object {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? '').trim();
  const why = text('why');
  switch (verb) {
    case 'wake':
      return { why: 'operator, on the dashboard' };
    case 'sleep':
      return { force: data.get('force') !== null };
    case 'release':
      return {};
    case 'maintenance': {
      const isOn = desk.form === null ? false : desk.platform(desk.form.platform)?.maintenance === true;
      return { on: !isOn, ...(why === '' ? {} : { why }) };
    }
    case 'inhibit':
      return { why, ...(text('for') === '' ? {} : { for: text('for') }), name: 'dashboard' };
  }
}
