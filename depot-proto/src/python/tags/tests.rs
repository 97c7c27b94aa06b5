use proptest::prelude::*;

use crate::{DistributionFilename, Rank, Target, Wheel};

fn wheel(tags: &str) -> Wheel {
    let project = "pot".parse().unwrap();
    match DistributionFilename::parse(&format!("pot-1.0-{tags}.whl"), &project).unwrap() {
        DistributionFilename::Wheel(wheel) => wheel,
        other => panic!("{other:?}"),
    }
}

fn rank(target: &str, tags: &str) -> Option<Rank> {
    target.parse::<Target>().unwrap().tags().rank(&wheel(tags))
}

#[test]
fn of_two_wheels_the_more_specific_fits_better() {
    for (target, wheels) in [
        (
            "cp312-manylinux_2_28_x86_64",
            &[
                "cp312-cp312-manylinux_2_28_x86_64",
                "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp312-cp312-manylinux2014_x86_64",
                "cp312-cp312-manylinux2010_x86_64",
                "cp312-abi3-manylinux_2_17_x86_64",
                "cp312-none-manylinux_2_17_x86_64",
                "cp311-abi3-manylinux_2_28_x86_64",
                "cp37-abi3-manylinux1_x86_64",
                "py3-none-manylinux2014_x86_64",
                "cp312-none-any",
                "py312-none-any",
                "py2.py3-none-any",
                "py36-none-any",
            ][..],
        ),
        (
            "cp313t-macosx_14_0_arm64",
            &[
                "cp313-cp313t-macosx_11_0_arm64",
                "cp313-abi3t-macosx_11_0_arm64",
                "py3-none-macosx_10_9_universal2",
                "py3-none-any",
            ],
        ),
        (
            "cp312-win_amd64",
            &["cp312-cp312-win_amd64", "cp39-abi3-win_amd64", "py3-none-win_amd64", "py3-none-any"],
        ),
    ] {
        let ranks: Vec<_> =
            wheels.iter().map(|wheel| rank(target, wheel).unwrap_or_else(|| panic!("{wheel}"))).collect();
        assert!(ranks.is_sorted_by(|better, worse| better < worse), "{target}");
    }
}

#[test]
fn wheels_of_other_machines_and_pythons_do_not_fit() {
    for (target, wheel) in [
        ("cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_31_x86_64"),
        ("cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_aarch64"),
        ("cp312-manylinux_2_28_x86_64", "cp312-cp312-musllinux_1_2_x86_64"),
        ("cp312-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_17_x86_64"),
        ("cp312-manylinux_2_28_x86_64", "cp313-abi3-manylinux_2_17_x86_64"),
        ("cp312-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_17_x86_64"),
        ("cp312-manylinux_2_28_x86_64", "cp311-none-any"),
        ("cp312-manylinux_2_28_x86_64", "py2-none-any"),
        ("cp312-manylinux_2_28_x86_64", "cp312-cp312-win_amd64"),
        ("cp312-manylinux_2_28_x86_64", "pp310-pypy310_pp73-manylinux_2_17_x86_64"),
        // No free-threaded Python loads what was built for the other kind.
        ("cp313t-manylinux_2_28_x86_64", "cp313-cp313-manylinux_2_17_x86_64"),
        ("cp313t-manylinux_2_28_x86_64", "cp39-abi3-manylinux_2_17_x86_64"),
        ("cp313-manylinux_2_28_x86_64", "cp313-cp313t-manylinux_2_17_x86_64"),
        ("cp312-macosx_13_0_arm64", "cp312-cp312-macosx_14_0_arm64"),
        ("cp312-macosx_13_0_arm64", "cp312-cp312-macosx_11_0_x86_64"),
        ("cp312-musllinux_1_1_x86_64", "cp312-cp312-musllinux_1_2_x86_64"),
        ("cp312-linux_x86_64", "cp312-cp312-manylinux1_x86_64"),
    ] {
        assert_eq!(rank(target, wheel), None, "{target} {wheel}");
    }
}

#[test]
fn a_wheel_for_several_is_as_good_as_the_best_of_them() {
    let target = "cp312-manylinux_2_28_x86_64";
    let of_both = rank(target, "cp311.cp312-abi3-manylinux1_x86_64.manylinux_2_28_x86_64");
    assert_eq!(of_both, rank(target, "cp312-abi3-manylinux_2_28_x86_64"));
    assert_eq!(rank(target, "py2.py3-none-any.win32"), rank(target, "py3-none-any"));
    assert_eq!(rank(target, "CP312-CP312-Manylinux1_x86_64"), rank(target, "cp312-cp312-manylinux1_x86_64"));
}

#[test]
fn of_equal_wheels_the_higher_build_is_better() {
    let mut ranks = Vec::new();
    for build in ["10b", "10a", "10", "2", "1_x", "1", "0"] {
        ranks.push(rank("cp312-linux", &format!("{build}-py3-none-any")).unwrap());
    }
    ranks.push(rank("cp312-linux", "py3-none-any").unwrap());
    assert!(ranks.is_sorted_by(|better, worse| better < worse), "{ranks:?}");
    // The build never outweighs the tags.
    assert!(rank("cp312-linux", "cp312-cp312-linux_x86_64") < rank("cp312-linux", "99-py3-none-any"));
    assert_eq!(rank("cp312-linux", "02-py3-none-any"), rank("cp312-linux", "2-py3-none-any"));
}

proptest! {
    #[test]
    fn every_tag_of_the_list_ranks_at_its_place(
        target in "cp3(8|12|13t|15)-(linux|musllinux|macos|windows)|pp310-linux",
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2..5),
    ) {
        let target: Target = target.parse().unwrap();
        let list = target.tags().list();
        let places: Vec<usize> = picks.iter().map(|pick| pick.index(list.len())).collect();
        let ranks: Vec<Rank> = places.iter().map(|&place| target.tags().rank(&wheel(&list[place])).unwrap()).collect();
        for (one, first) in places.iter().zip(&ranks) {
            for (other, second) in places.iter().zip(&ranks) {
                prop_assert_eq!(one.cmp(other), first.cmp(second));
            }
        }
    }
}
