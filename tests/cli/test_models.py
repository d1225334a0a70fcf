"""``keras-cnn models``: the table of networks."""

import json

from keras_cnn import columns
from keras_cnn.cli import main, networks
from keras_cnn.i18n import using
from keras_cnn.models import identify


def test_the_table_fits_100_columns_and_names_every_network_and_source(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    cells = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert set(networks.CLASSIFIERS) <= set(cells)
    assert cells["ResNet50"][1:7] == ["25.6M", "3.86G", "224", "32", "yes", "74.9"]
    assert cells["book.LeNet5"][1:5] == ["58.6k", "399k", "28", "12"]
    row = next(line for line in lines if line.startswith("  --alpha 0.25"))
    assert row.split()[2:8] == ["476k", "41.0M", "224", "32", "yes", "50.6"]
    assert {"[1]", "[2]", "[3]", "[4]"} <= set(cells)


def test_json_holds_the_facts_of_the_table(capsys):
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert networks.FACTS == identify.facts()
    assert len(rows) == len(networks.FACTS) and {"parameters", "top1", "source"} <= set(rows[0])
    for row in rows:
        assert row["imagenet"] == (row["top1"] is not None) == (row["source"] is not None)


def test_the_table_has_chinese_heads_above_their_columns(capsys):
    with using("zh"):
        assert main(["models"]) == 0
    head, first, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["网络", "参数", "乘加次数", "边长", "最小边长", "imagenet", "论文"]
    cells = ((head, "参数"), (first, "61.0M"))
    assert len({columns.width(line.split(cell)[0] + cell) for line, cell in cells}) == 1
    assert any(line.startswith("乘加次数：") for line in rest)
