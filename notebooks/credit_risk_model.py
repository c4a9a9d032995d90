# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From loans to a service with health checks
#
# This notebook tells how the shipped model came to be and how it is served, in the order in which it happened. All that
# happens stands in the package; the notebook calls it and shows what comes out. `make notebook DATA=loan.csv` runs it
# anew. Without real loans it runs on invented ones, and says so.

# %%
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pandas as pd
from IPython.display import SVG, Markdown, display
from IPython.utils.capture import capture_output

from credit_risk_model import artifact, features
from credit_risk_model.prediction.model import CreditRiskModel
from credit_risk_model.prediction.on_book import CreditRiskOnBookModel
from credit_risk_model.training import (
    book,
    dataset,
    estimator,
    evaluation,
    invented,
    preparation,
    profile,
    report,
    split,
    validation,
)

# %% [markdown]
# ## The loans
#
# Lending Club published all loans that it issued from 2007 to 2015, with what became of them. Of the 74 columns, 22 are
# used: 16 inputs, the status of the loan, and what says how it looked in an earlier month.

# %%
if os.environ.get("DATA"):
    data = Path(os.environ["DATA"])
    print("real loans")
else:
    data = Path("build/notebook/loan.csv.gz")
    invented.write(data, rows=int(os.environ.get("ROWS", "20000")))
    print("INVENTED loans: no figure below says anything about real ones")
loans = dataset.read(data, progress=False)
print(f"{len(loans):,} loans, {len(loans.columns)} columns read")

# %% [markdown]
# What is predicted follows from the status: a loan is risky if it was charged off, is in default or late.

# %%
pd.DataFrame({"risk": preparation.RISK_OF_STATUS, "loans": loans["loan_status"].value_counts()}).fillna(0)

# %% [markdown]
# ## Preparation
#
# Loans with a missing value go, and so do extreme ones. Each step tells how many loans it left.

# %%
prepared, steps = preparation.prepare(loans)
pd.DataFrame([(step.name, f"{step.rows:,}") for step in steps], columns=["step", "loans left"])

# %% [markdown]
# ## Profile
#
# What each column holds, with its description: a page for the browser and part of the artifact. It holds no
# single loan.

# %%
Path("build/notebook").mkdir(parents=True, exist_ok=True)
with capture_output():
    page = profile.page(prepared[[*features.LOAN.names, preparation.RISK, preparation.YEAR]])
Path("build/notebook/profile.html").write_bytes(page)
prepared[features.LOAN.names].describe(percentiles=[0.5]).T[["mean", "std", "50%"]].round(2)

# %% [markdown]
# ## Are the loans fit to learn from?
#
# deepchecks looks for conflicting labels, duplicates, mixed types, inputs that give the answer away, and more. What
# fails and matters stops the packaging, unless somebody looked at it and wrote down why it is accepted.

# %%
reasons = validation.accepted()
integrity = validation.data_integrity(prepared)
print(validation.table(integrity.findings, reasons))

# %% [markdown]
# ## The book
#
# The model is used on a book of living loans, most of which are current and young. These loans are of another kind:
# most of them ended long ago. A model that learns from them as they are takes a young loan, of which little was paid,
# for one that stopped. So it learns from views of the loans as of earlier months, drawn so that ages and statuses are
# those of Lending Club's full file as published. The full file itself would be taken as recorded.

# %%
whole = book.of(prepared, seed=estimator.SEED, report=print)
shares = whole.loans[dataset.STATUS].value_counts(normalize=True)
published = pd.Series(book.STATUSES) / sum(book.STATUSES.values())
as_recorded = book.as_recorded(prepared)[dataset.STATUS].value_counts(normalize=True)
pd.DataFrame({"as recorded": as_recorded, "the book": shares, "published": published}).fillna(0).round(4)

# %% [markdown]
# ## What is learned from, and what is held out
#
# A hash of what was known of a loan when it was issued decides about it. The split stays the same in whatever order the
# loans come, and all views of a loan lie on one side.

# %%
test = split.held_back(whole.loans)
learning, held_out = whole.loans[~test], whole.loans[test]
print(f"{len(learning):,} rows to learn from, {len(held_out):,} held out")
halves = validation.train_test_validation(learning, held_out)
print(validation.table(halves.findings, reasons))

# %% [markdown]
# ## Hyperparameters
#
# FLAML looked for them, for each model, with cross-validation on about one view of each loan. A model that ranks better
# may take longer to answer. One that takes at most 1.2 times as long as LightGBM's defaults may be chosen, and of those
# within noise of the best the cheapest one is. `make search` repeats that.

# %%
for inputs in (features.LOAN, features.ON_BOOK):
    display(SVG(estimator.FOUND[inputs].with_suffix(".svg").read_text()))
    print(len(inputs), "inputs:", estimator.found_hyperparameters(inputs))

# %% [markdown]
# ## The models
#
# Calibration and operating threshold are chosen on validation rows, with a model that has not seen them. The model
# that is kept learns from them too. The rows held out are used once, for the figures. The same 16 numbers mean one
# thing in a young loan and another in an old one; a second model takes the age as its 17th input.

# %%
learned = estimator.learn(learning, estimator.found_hyperparameters())
on_book = estimator.learn(learning, estimator.found_hyperparameters(features.ON_BOOK), features.ON_BOOK)
pd.DataFrame(
    {
        "16 inputs": evaluation.population(
            held_out, estimator.probabilities(learned.booster, held_out), learned.threshold
        ),
        "with the age": evaluation.population(
            held_out, estimator.probabilities(on_book.booster, held_out, features.ON_BOOK), on_book.threshold
        ),
    }
).round(3)

# %% [markdown]
# More of the model with 16 inputs, on the book:

# %%
probability = estimator.probabilities(learned.booster, held_out)
evaluated = evaluation.evaluate(held_out, probability, learned.threshold, learned.booster)
pd.DataFrame(
    {
        "value": evaluated["metrics"],
        "95 % interval": {k: f"{a:.3f} to {b:.3f}" for k, (a, b) in evaluated["intervals"].items()},
    }
).round({"value": 3})

# %%
for title, caption, draw in report.PLOTS:
    display(SVG(report.svg(draw, evaluated, title)), Markdown(f"*{caption}*"))

# %% [markdown]
# ## Is the model fit for use?

# %%
model_checks = validation.model_evaluation(learning, held_out, learned.booster, learned.threshold)
flagged = evaluation.flagged_of_current(held_out, probability, learned.threshold)
print(validation.table([*model_checks.findings, validation.living_book(flagged)], reasons))

# %% [markdown]
# ## Packaging
#
# `make train DATA=loan.csv` does all of the above in one run and packs the model and its evidence into one zip file.
# This is what the project ships. Loading it checks the digests and that the features are those of the code before
# anything is unpickled.

# %%
shipped = artifact.read(artifact.PACKAGED, features=features.LOAN.specification())
members = artifact.verify(artifact.PACKAGED)
pd.DataFrame([(name, f"{len(content):,}") for name, content in members.items()], columns=["member", "bytes"])

# %% [markdown]
# The training compared the model with others, each learned in the same way: LightGBM as it comes, the configuration
# that the article found, the same model learned from the loans as recorded, and the same model without payments.

# %%
rows = {
    (population, name): figures[population]
    for population in shipped.metadata["compared"]["this model"]
    for name, figures in shipped.metadata["compared"].items()
}
pd.DataFrame(rows).T[["risky_share", "mean_probability", "current_flagged", "f1", "average_precision"]].round(3)

# %% [markdown]
# The model card says first what the model may be used for: it watches loans on the books. It does not decide on
# applications, because two of its inputs are known only after a loan was granted.

# %%
card = members["model_card.md"].decode()
Markdown(card[: card.index("## The model")])

# %% [markdown]
# ## One prediction
#
# The model is wrapped as an `ml_base.MLModel`: a class with a schema for its input, one for its output, and `predict`.
# This loan is an example from the documentation and nobody's.

# %%
model = CreditRiskModel()
example = features.LOAN.example
model.predict(model.input_schema(**example))

# %% [markdown]
# The same borrower after ten instalments of 36: the first model cannot know whether ten months went by or thirty.

# %%
after_ten = features.ON_BOOK.example | {"total_payments_to_date": 4_064.0}
aware = CreditRiskOnBookModel()
for months in (10, 30):
    data = aware.input_schema(**after_ten | {"months_since_issue": months})
    print(f"{months} months after issue: {aware.predict(data).credit_risk}, {aware.probability(data):.3f}")

# %% [markdown]
# ## The service
#
# `rest_model_service` makes a REST service of it from one YAML file. The package `credit_risk_model.service` puts a
# layer around it that tells its state truly and refuses bad input cleanly.

# %%
configuration = Path("configuration/rest_configuration.yaml")
print(configuration.read_text())

# %%
log = Path("build/notebook/service.log")
service = subprocess.Popen(
    [sys.executable, "-m", "credit_risk_model.service", "--port", "0"],
    env=os.environ | {"REST_CONFIG": str(configuration)},
    stderr=log.open("w"),
    stdout=subprocess.DEVNULL,
)
while "running on " not in log.read_text() and service.poll() is None:
    time.sleep(0.1)
address = log.read_text().partition("running on ")[2].split()[0]


def ask(path: str, body: dict[str, object] | None = None) -> str:
    """Return what the service answers."""
    answer = httpx.post(address + path, json=body) if body else httpx.get(address + path)
    return f"{answer.status_code} {answer.text}"


# %% [markdown]
# ## Health checks
#
# Kubernetes asks three questions. Has it started? Until it has, nothing else is asked. Is it ready? Only then does it
# get requests. Is it alive? If not, it is started anew.

# %%
while not ask("/api/health/startup").startswith("200"):
    time.sleep(0.1)
for path in ("/api/health/startup", "/api/health/ready", "/api/health"):
    print(f"{path:<22}{ask(path)}")

# %%
print(ask("/api/models/credit_risk_model/prediction", example))
print(ask("/api/models/credit_risk_on_book_model/prediction", after_ten | {"months_since_issue": 30}))

# %%
service.terminate()
service.wait(timeout=30)
print("the service has ended")
