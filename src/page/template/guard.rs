//! The instructions of a template, with a check after each one that can make a list or map.

use minijinja::machinery::{Instruction, Instructions};

// No template can name these: they are no identifiers.
pub(super) const MADE: &str = "(made)";
pub(super) const CALLED: &str = "(called)";
pub(super) const COMPARED: &str = "(compared)";

/// Returns the instructions with the checks.
pub(super) fn guarded<'s>(plain: &Instructions<'s>) -> Instructions<'s> {
    let mut guarded = Instructions::new(plain.name(), plain.source());
    // Where each instruction is now, and where the checks before it begin.
    let (mut places, mut starts) = (Vec::new(), Vec::new());
    for (at, instruction) in (0..).map_while(|at| Some((at, plain.get(at)?))) {
        let mut add = |part| match (plain.get_span(at), plain.get_line(at)) {
            (Some(span), _) => guarded.add_with_span(part, span),
            (None, Some(line)) => guarded.add_with_line(part, u16::try_from(line).unwrap_or(u16::MAX)),
            (None, None) => guarded.add(part),
        };
        let first = before(instruction).iter().cloned().map(&mut add).min();
        let place = add(instruction.clone());
        for check in after(instruction) {
            add(check.clone());
        }
        places.push(place);
        starts.push(first.unwrap_or(place));
    }
    for place in places {
        if let Some(target) = guarded.get_mut(place).and_then(target) {
            // Nothing continues behind the last instruction.
            *target = starts.get(*target as usize).copied().unwrap_or(u32::MAX - 1);
        }
    }
    guarded
}

const fn filter(name: &'static str) -> Instruction<'static> {
    // `!0`: without a place in the engine's table of the first 50 filters.
    Instruction::ApplyFilter(name, Some(1), !0)
}

/// Returns the checks before an instruction: of what a namespace will hold, and of what will be compared.
fn before(instruction: &Instruction) -> &'static [Instruction<'static>] {
    const STORED: &[Instruction] = &[filter(CALLED), Instruction::Swap, filter(MADE), Instruction::Swap];
    const OPERAND: &[Instruction] = &[filter(COMPARED)];
    match instruction {
        Instruction::SetAttr(_) => STORED,
        Instruction::Eq
        | Instruction::Ne
        | Instruction::Gt
        | Instruction::Gte
        | Instruction::Lt
        | Instruction::Lte
        | Instruction::In
        | Instruction::CompareAndPreserve(_)
        | Instruction::PerformTest(_, Some(2), _) => OPERAND,
        _ => &[],
    }
}

/// Returns the check after an instruction: of what it has made.
fn after(instruction: &Instruction) -> &'static [Instruction<'static>] {
    const RESULT: &[Instruction] = &[filter(MADE)];
    const RETURNED: &[Instruction] = &[filter(CALLED)];
    match instruction {
        Instruction::BuildList(_)
        | Instruction::BuildTuple(_)
        | Instruction::BuildMap(_)
        | Instruction::Add
        | Instruction::Mul
        | Instruction::Slice
        | Instruction::ApplyFilter(..) => RESULT,
        Instruction::CallFunction(..) | Instruction::CallMethod(..) | Instruction::CallObject(_) => RETURNED,
        _ => &[],
    }
}

/// Returns the instruction that another one may continue with.
fn target<'i>(instruction: &'i mut Instruction) -> Option<&'i mut u32> {
    match instruction {
        Instruction::Iterate(target)
        | Instruction::Jump(target)
        | Instruction::JumpIfFalse(target)
        | Instruction::JumpIfFalseOrPop(target)
        | Instruction::JumpIfTrueOrPop(target)
        | Instruction::BuildMacro(_, target, _) => Some(target),
        _ => None,
    }
}
