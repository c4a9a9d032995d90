"""The arguments with which a user states what a file leaves open, for the commands that read files of loans."""

import argparse
import codecs
from contextlib import suppress

from credit_risk_model.loan_files.survey import Stated


def add_stated(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to a command."""
    parser.add_argument(
        "--encoding",
        type=_encoding,
        metavar="NAME",
        help="the encoding of a text file (default: UTF-8, or UTF-16 if its first bytes show it)",
    )
    parser.add_argument(
        "--decimal", choices=("comma", "point"), help="the decimal mark of numbers, where the file leaves it open"
    )
    parser.add_argument(
        "--percent-as",
        choices=("per-cent", "fraction"),
        help="whether 0.13 in a column of per cent means 0.13 %% (per-cent) or 13 %% (fraction)",
    )


def stated(options: argparse.Namespace) -> Stated:
    """Return what the parsed arguments state."""
    return Stated(encoding=options.encoding, decimal=options.decimal, per_cent=options.percent_as)


def _encoding(text: str) -> str:
    try:
        with suppress(UnicodeError):
            b" ".decode(text)  # `lookup` also finds codecs that are not of text, such as base64
        return codecs.lookup(text).name
    except LookupError:
        raise argparse.ArgumentTypeError(f"Python knows no encoding {text!r}") from None
