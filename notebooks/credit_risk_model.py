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
from credit_risk_model.training import (
    dataset,
    estimator,
    evaluation,
    invented,
    preparation,
    profile,
    report,
    search,
    split,
    validation,
)

# %% [markdown]
# ## The loans
#
# Lending Club published all loans that it issued from 2007 to 2015, with what became of them. Of the 74 columns, 18 are
# used: 16 inputs, the status of the loan, and the instalment, which goes again.

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
    page = profile.page(prepared)
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
# ## What is learned from, and what is held back
#
# A hash of its 16 inputs decides about each loan, so the split stays the same in whatever order the loans come, and two
# equal loans never lie on both sides of it.

# %%
test = split.held_back(prepared)
learning, held_back = prepared[~test], prepared[test]
print(f"{len(learning):,} to learn from, {len(held_back):,} held back")
halves = validation.train_test_validation(learning, held_back)
print(validation.table(halves.findings, reasons))

# %% [markdown]
# ## Hyperparameters
#
# FLAML looked for them with cross-validation on the loans to learn from. A model that ranks better may take longer to
# answer, so the cheapest of those within noise of the best was chosen. `make search` repeats that.

# %%
display(SVG(search.PLOT.read_text()))
estimator.found_hyperparameters()

# %% [markdown]
# ## The model
#
# The operating threshold is the one with the best F1 on validation loans, chosen with a model that has not seen them.
# The model that is kept learns from them too. The loans held back are used once, for the figures.

# %%
unseen = split.for_validation(learning)
rehearsal = estimator.fit(learning[~unseen], estimator.found_hyperparameters())
threshold = estimator.choose_threshold(
    estimator.is_risky(learning[unseen]), estimator.probabilities(rehearsal, learning[unseen])
)
booster = estimator.fit(learning, estimator.found_hyperparameters())
probability = estimator.probabilities(booster, held_back)
evaluated = evaluation.evaluate(held_back, probability, threshold, booster)
print(f"threshold {threshold:.3f}")
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
# Beside it, LightGBM as it comes, and the configuration that the article found on the full file.

# %%
others = {"LightGBM's defaults": estimator.LIGHTGBM_DEFAULTS, "the article's configuration": estimator.ARTICLE}
fitted = {name: estimator.fit(learning, hyperparameters) for name, hyperparameters in others.items()}
pd.DataFrame(
    {"this model": evaluated["metrics"]}
    | {
        name: evaluation.metrics(estimator.is_risky(held_back), estimator.probabilities(other, held_back), 0.5)
        for name, other in fitted.items()
    }
).T.round(3)

# %% [markdown]
# ## Is the model fit for use?

# %%
model_checks = validation.model_evaluation(learning, held_back, booster, threshold)
print(validation.table(model_checks.findings, reasons))

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
print(ask("/api/models/credit_risk_model/prediction", example | {"total_payments_to_date": 1219.2}))

# %%
service.terminate()
service.wait(timeout=30)
print("the service has ended")
